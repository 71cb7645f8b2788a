/** Which issuers a provider has: one, or one for each tenant. */

/** What stands for a tenant in a templated issuer. */
export const TENANT_PLACE = "{tenantid}";

/** Whether a text may be the id of a tenant. */
export function isTenantId(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,128}$/.test(text);
}

/** What is known of the issuers of a provider. */
export interface Issuers {
  readonly issuer: string;
  readonly tenants?:
    | readonly string[]
    | ((tenantId: string) => boolean | Promise<boolean>)
    | undefined;
}

/** Whether an issuer is the provider's, or that of one of its tenants. A function that knows the tenants is not asked. */
export function isIssuerOf(issuers: Issuers, issuer: string): boolean {
  const { tenants } = issuers;
  if (tenants === undefined) return issuer === issuers.issuer;
  const tenant = tenantIn(issuers, issuer);
  return (
    tenant !== undefined &&
    (typeof tenants === "function" || tenants.includes(tenant))
  );
}

/**
 * The issuer of the tenant that a token names; the provider's own where it has
 * no tenants.
 *
 * @param tenant its claim `tid`, of whatever type
 */
export function issuerFor(
  { issuer, tenants }: Issuers,
  tenant: unknown,
): string {
  return tenants !== undefined &&
    typeof tenant === "string" &&
    isTenantId(tenant)
    ? issuer.replace(TENANT_PLACE, tenant)
    : issuer;
}

/** The tenant that an issuer is of; undefined where it is not of this provider. */
export function tenantIn(
  { issuer: template }: Pick<Issuers, "issuer">,
  issuer: string,
): string | undefined {
  const [before = "", after = ""] = template.split(TENANT_PLACE);
  const tenant = issuer.slice(before.length, issuer.length - after.length);
  return isTenantId(tenant) && issuer === before + tenant + after
    ? tenant
    : undefined;
}
