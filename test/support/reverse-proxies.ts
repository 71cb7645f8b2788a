/** nginx and HAProxy before an application. */
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
export async function startNginx(origin: string): Promise<ReverseProxy> {
  const port = await freePort();
  return await startNginxWith(
    `client_max_body_size 0;
upstream application { server ${new URL(origin).host}; keepalive 8; }
server {
  listen 127.0.0.1:${String(port)};
  location / {
    proxy_pass http://application;
    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_set_header Host $http_host;
    proxy_set_header Connection $http_connection;
  }
}`,
    port,
  );
}

/** nginx with a file as they are in its folder `conf.d`, which makes it listen at a port. */
export function startNginxWith(
  file: string,
  port: number,
): Promise<ReverseProxy> {
  return startProxy(port, (folder) => ({
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
${file}
}
`,
    program: findNginx().path,
    args: ["-e", join(folder, "error.log"), "-c", join(folder, "conf")],
  }));
}

/** HAProxy, with every connection to the application shared by all. */
export async function startHaproxy(origin: string): Promise<ReverseProxy> {
  const port = await freePort();
  return await startProxy(port, (folder) => ({
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
  server application ${new URL(origin).host}
`,
    program: findHaproxy().path,
    args: ["-db", "-f", join(folder, "conf")],
  }));
}

type Settings = (folder: string) => {
  readonly file: string;
  readonly program: string;
  readonly args: readonly string[];
};

async function startProxy(
  port: number,
  settings: Settings,
): Promise<ReverseProxy> {
  const folder = mkdtempSync(
    join(process.env["TEST_RUN_DIRECTORY"] ?? tmpdir(), "proxy-"),
  );
  const { file, program, args } = settings(folder);
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
