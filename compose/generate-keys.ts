/**
 * `npm run keys -- FOLDER`: makes the key files that SERVICE_PRIVATE_KEY, SERVICE_PUBLIC_KEYS and SIGNING_KEYS_SECRET_FILE name.
 * `npm run keys -- --rotate`: removes the signing keys of users' tokens and makes a new one, at once.
 */
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
import { runMain } from "#shared/service/run-main.ts"
import { rotateSigningKeys } from "./rotate-signing-keys.ts"

const usage = `Usage: npm run keys -- FOLDER (such as .keys; what is there already stays)
       npm run keys -- --rotate (in an emergency: everybody has to log in again; docs/keys.md)`
const [word, ...more] = process.argv.slice(2)

if (word === "--help" || word === "-h") {
  console.log(usage)
} else if (word === "--rotate" && more.length === 0) {
  runMain(rotateSigningKeys(process.env))
} else if (word === undefined || word.startsWith("-") || more.length > 0) {
  console.error(usage)
  process.exitCode = 2
} else {
  try {
    await generateServiceKeys(word)
    console.log(`The services' keys are in ${word}`)
  } catch (error) {
    console.error(
      `The keys cannot be written to ${word}: ${
        (error as Error).message
      }. Name a folder that can be written`,
    )
    process.exitCode = 1
  }
}
