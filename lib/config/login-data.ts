/** What an application keeps with its logins; every application says what that is. */

/**
 * Data of the application that `onLogin` gives and `loginOf(req).data` has. Empty
 * by itself; an application adds its members:
 *
 * ```ts
 * declare module "express-login-kit" {
 *   interface LoginData {
 *     userId: string;
 *   }
 * }
 * ```
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- its members are the application's
export interface LoginData {}

/** {@link LoginData} as it comes back: a login may have none, or that of an older version of the application. */
// eslint-disable-next-line @typescript-eslint/no-generated-empty-object-type -- its members are the application's
export type KeptLoginData = Readonly<Partial<LoginData>>;
