/** nginx and HAProxy before an application, each with shared connections to it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { findHaproxy, findNginx } from "./find-programs.js";
import { freePort } from "./free-port.js";
import { until } from "./until.js";

/** A running proxy. */
export interface ReverseProxy {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** nginx, which passes `Connection` on as it came and bodies while they come. */
export function startNginx(origin: string): Promise<ReverseProxy> {
  return startProxy(origin, (port, host, folder) => ({
    file: `daemon off;
master_process off;
worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_max_body_size 0;
  upstream application { server ${host}; keepalive 8; }
  server {
    listen 127.0.0.1:${String(port)};
    location / {
      proxy_pass http://application;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_set_header Host $http_host;
      proxy_set_header Connection $http_connection;
    }
  }
}
`,
    program: findNginx().path,
    args: ["-e", join(folder, "error.log"), "-c", join(folder, "conf")],
  }));
}

/** HAProxy, with every connection to the application shared by all. */
export function startHaproxy(origin: string): Promise<ReverseProxy> {
  return startProxy(origin, (port, host, folder) => ({
    file: `global
  maxconn 256
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend all
  bind 127.0.0.1:${String(port)}
  default_backend application
backend application
  server application ${host}
`,
    program: findHaproxy().path,
    args: ["-db", "-f", join(folder, "conf")],
  }));
}

type Settings = (
  port: number,
  host: string,
  folder: string,
) => {
  readonly file: string;
  readonly program: string;
  readonly args: readonly string[];
};

async function startProxy(
  origin: string,
  settings: Settings,
): Promise<ReverseProxy> {
  const folder = mkdtempSync(
    join(process.env["TEST_RUN_DIRECTORY"] ?? tmpdir(), "proxy-"),
  );
  const port = await freePort();
  const { file, program, args } = settings(port, new URL(origin).host, folder);
  writeFileSync(join(folder, "conf"), file);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (text: Buffer) => (said += text.toString()));
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  await until(`${program} listens`, async () => {
    if (hasEnded(child)) throw new Error(`${program} ended: ${said}`);
    return isListening(port);
  });
  return {
    url: `http://127.0.0.1:${String(port)}`,
    async close() {
      if (!hasEnded(child)) {
        const exit = once(child, "exit");
        child.kill("SIGKILL");
        await exit;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (isOpen: boolean) => () => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once("connect", answer(true)).once("error", answer(false));
  });
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
