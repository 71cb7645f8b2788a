/** Chooses the ports that the demo's servers listen on. */
import { createServer } from "node:net";
import type { Settings } from "./settings.js";

const DEFAULT_PORTS = {
  PORT: 3000,
  PROVIDER_PORT: 3001,
  ORDERS_PORT: 3002,
  SECOND_PROVIDER_PORT: 3003,
};

/** The environment variables that name a port. */
export type PortVariable = keyof typeof DEFAULT_PORTS;

/** Browsers try both addresses of `localhost`, so a port must be free on both. */
const LOOPBACK_ADDRESSES = ["127.0.0.1", "::1"];

/** A default port that is taken is replaced, a port that was asked for is not. */
export async function choosePorts(
  host: string,
  settings: Pick<Settings, "port" | "refuse">,
  needed: Readonly<Record<PortVariable, boolean>>,
): Promise<Readonly<Record<PortVariable, number>>> {
  const variables = (Object.keys(needed) as PortVariable[]).filter(
    (variable) => needed[variable],
  );
  const wanted = new Map<PortVariable, number | undefined>();
  const ports = { ...DEFAULT_PORTS };
  for (const variable of variables) {
    const port = settings.port(variable);
    wanted.set(variable, port);
    ports[variable] = port ?? ports[variable];
  }

  if ((await listenError(0, host)) !== undefined) {
    settings.refuse(`HOST=${host} is not an address of this computer`);
    return ports;
  }

  for (const variable of variables) {
    const port = ports[variable];
    const isAlsoAnothers = variables.some(
      (other) => other !== variable && ports[other] === port,
    );
    if (!isAlsoAnothers && (await isFree(port, host))) continue;
    if (wanted.get(variable) === undefined) {
      const spokenFor = Object.values(ports);
      ports[variable] = await freePortAfter(port, host, spokenFor);
      console.log(`port ${port} is taken, using ${ports[variable]} instead`);
    } else {
      settings.refuse(
        `${variable}=${port} is taken or not allowed: stop what listens there, or choose another port`,
      );
    }
  }
  return ports;
}

/** Whether this process can listen on this port of `host` and of the loopback addresses. */
async function isFree(port: number, host: string): Promise<boolean> {
  for (const address of [host, ...LOOPBACK_ADDRESSES]) {
    const error = await listenError(port, address);
    // An address that this computer does not have cannot be taken either.
    if (error === undefined || error === "EADDRNOTAVAIL") continue;
    if (error !== "EAFNOSUPPORT") return false;
  }
  return true;
}

/** The first free port after `start`, without those that are spoken for. */
async function freePortAfter(
  start: number,
  host: string,
  spokenFor: readonly number[],
): Promise<number> {
  for (let port = start + 1; port < 65_536; port += 1) {
    if (!spokenFor.includes(port) && (await isFree(port, host))) return port;
  }
  throw new Error(`no port above ${start} is free`);
}

/** Listens for a moment; the error's code when that fails. */
function listenError(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    server.listen({ port, host, exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}
