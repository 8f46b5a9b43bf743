/** `npm run keys -- FOLDER`: makes the key files that SERVICE_PRIVATE_KEY and SERVICE_PUBLIC_KEYS name. */
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"

const usage = "Usage: npm run keys -- FOLDER (such as .keys; keys that are there already stay)"
const [folder, ...more] = process.argv.slice(2)

if (folder === "--help" || folder === "-h") {
  console.log(usage)
  process.exit()
}
if (folder === undefined || folder.startsWith("-") || more.length > 0) {
  console.error(usage)
  process.exit(2)
}
try {
  await generateServiceKeys(folder)
  console.log(`The services' keys are in ${folder}`)
} catch (error) {
  console.error(
    `The keys cannot be written to ${folder}: ${
      (error as Error).message
    }. Name a folder that can be written`,
  )
  process.exit(1)
}
