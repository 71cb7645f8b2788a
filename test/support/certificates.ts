/** Certificate authorities for one test file, made with openssl. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Paths of files in PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** The certificate of the authority that signed `cert`. */
  readonly ca: string;
}

/** An authority of its own. */
export interface Authority {
  /** Its certificate, in PEM. */
  readonly ca: string;
  /** Signs a certificate for these names, such as `IP:127.0.0.1` or `DNS:redis.example`. */
  sign(names: string): CertificateFiles;
  /** Removes all its files. */
  remove(): void;
}

/** Makes one. */
export function createAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), "authority-"));
  const ca = join(folder, "ca.pem");
  const caKey = join(folder, "ca.key");
  openssl("req -x509 -subj /CN=authority", newKey(caKey), "-out", ca);
  let signed = 0;
  return {
    ca: readFileSync(ca, "utf8"),
    sign(names) {
      const file = join(folder, String(++signed));
      const [key, request, cert, extensions] = [
        `${file}.key`,
        `${file}.csr`,
        `${file}.pem`,
        `${file}.ext`,
      ];
      writeFileSync(extensions, `subjectAltName=${names}\n`);
      openssl("req -new -subj /CN=party", newKey(key), "-out", request);
      openssl(
        "x509 -req -CAcreateserial -days 30 -in",
        [request, "-CA", ca, "-CAkey", caKey, "-extfile", extensions],
        "-out",
        cert,
      );
      return { cert, key, ca };
    },
    remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function newKey(file: string): string[] {
  return "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout"
    .split(" ")
    .concat(file);
}

function openssl(
  command: string,
  options: readonly string[],
  ...output: string[]
): void {
  execFileSync("openssl", [...command.split(" "), ...options, ...output], {
    stdio: "pipe",
  });
}
