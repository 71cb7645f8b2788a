/** Which part of the flow a request to the application is. */
import type { IncomingMessage } from "node:http";
import { browserPath } from "../config/base-url.js";
import type { Config } from "../config/config.js";
import type { MessageName } from "../telling/messages.js";
import type { RunKind } from "./model.js";

/** What a request to the application is. */
export interface Endpoint {
  readonly message: MessageName;
  /** What a run is that it begins. */
  readonly kind: RunKind;
  /** What has to be told of it even without the inspector's cookie: browsers or providers do not bring it. Default false. */
  readonly comesWithout?: boolean;
}

const APPLICATION: Endpoint = { message: "page-request", kind: "call" };

/** Undefined: pages ask it again and again, and it is no part of the flow. */
const BY_PATH: Readonly<Record<keyof Config["paths"], Endpoint | undefined>> = {
  login: { message: "login-request", kind: "login" },
  initiateLogin: { message: "initiate-login", kind: "login" },
  callback: { message: "callback", kind: "login", comesWithout: true },
  logout: { message: "logout-request", kind: "logout" },
  loggedOut: { message: "logged-out", kind: "logout" },
  backchannelLogout: {
    message: "backchannel-logout",
    kind: "provider-logout",
    comesWithout: true,
  },
  frontchannelLogout: {
    message: "frontchannel-logout",
    kind: "provider-logout",
    comesWithout: true,
  },
  keptForm: APPLICATION,
  loginDone: APPLICATION,
  session: undefined,
  sessionEvents: undefined,
  checkSession: undefined,
};

/** A request as Express has seen it. */
export type Asked = IncomingMessage & { readonly originalUrl?: string };

/** The address of a request, as the browser sees it. */
export function addressOf(req: Asked, config: Config): string {
  return browserPath(req.originalUrl ?? req.url ?? "/", config);
}

/** What a request is; undefined: it is not shown. */
export function endpointOf(
  address: string,
  { paths }: Config,
): Endpoint | undefined {
  const path = address.split("?", 1)[0] ?? "";
  const names = Object.keys(BY_PATH) as (keyof Config["paths"])[];
  // Behind some of them the name of a provider may stand.
  const name =
    names.find((one) => paths[one] === path) ??
    names.find((one) => path.startsWith(`${paths[one]}/`));
  return name === undefined ? APPLICATION : BY_PATH[name];
}
