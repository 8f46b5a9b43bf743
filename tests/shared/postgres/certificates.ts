/** A CA of the test's own, and a server certificate that it signed. */
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "./open-database.ts"

export const hasOpenssl = spawnSync("openssl", ["version"]).status === 0

/** For "localhost" and 127.0.0.1, and no other name. */
export const makeCertificates = Effect.map(temporaryFolder, (folder) => {
  const path = (name: string) => join(folder, name)
  const run = (...words: ReadonlyArray<string>) => {
    const { status, stderr } = spawnSync("openssl", words, { cwd: folder, encoding: "utf8" })
    if (status !== 0) throw new Error(stderr)
  }
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  run(
    "req",
    "-x509",
    ...key,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-subj",
    "/CN=ca",
    "-days",
    "2",
  )
  writeFileSync(path("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
  for (const name of ["server", "client"]) {
    run("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`)
    run(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key"],
      ...["-CAcreateserial", "-out", `${name}.pem`, "-days", "2", "-extfile", "names"],
    )
  }
  return { path, read: (name: string) => readFileSync(path(name)) }
})
