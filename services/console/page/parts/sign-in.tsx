/** The form to sign in or to sign up. */
import { useState } from "preact/hooks"
import { asProblem, type Problem } from "../core/problem.ts"
import { newKey } from "../core/api.ts"
import { signIn, signUp } from "../core/session.ts"
import { Trouble } from "./notices.tsx"

type Way = "in" | "up"

export const SignIn = ({ mayTry = false }: { readonly mayTry?: boolean }) => {
  const [way, setWay] = useState<Way>("in")
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const attempt = async (what: () => Promise<void>) => {
    setBusy(true)
    setProblem(null)
    try {
      await what()
    } catch (error) {
      setProblem(asProblem(error))
      setBusy(false)
    }
  }
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const [username, password, email] = ["username", "password", "email"].map((name) =>
      String(form.get(name) ?? "")
    ) as [string, string, string]
    void attempt(() =>
      way === "in" ? signIn({ username, password }) : signUp({ username, password, email })
    )
  }
  return (
    <>
      {mayTry && (
        <button
          type="button"
          class="wide"
          disabled={isBusy}
          onClick={() => void attempt(signUpAsSomebody)}
        >
          Try it as a new customer
        </button>
      )}
      <form class="sign-in" onSubmit={submit}>
        <fieldset class="ways">
          <legend class="hidden">Sign in or sign up</legend>
          {(["in", "up"] as const).map((each) => (
            <label key={each}>
              <input
                type="radio"
                name="way"
                checked={way === each}
                onChange={() => setWay(each)}
              />
              {each === "in" ? "Sign in" : "Sign up"}
            </label>
          ))}
        </fieldset>
        <label>
          Username
          <input name="username" required maxLength={150} autocomplete="username" />
        </label>
        {way === "up" && (
          <label>
            E-mail
            <input name="email" type="email" required maxLength={254} autocomplete="email" />
          </label>
        )}
        <label>
          Password
          <input
            name="password"
            type="password"
            required
            {...(way === "up" && { minLength: 8 })}
            autocomplete={way === "in" ? "current-password" : "new-password"}
          />
        </label>
        <Trouble problem={problem} />
        <button type="submit" class={mayTry ? "quiet" : ""} disabled={isBusy}>
          {isBusy ? "Working …" : way === "in" ? "Sign in" : "Sign up"}
        </button>
      </form>
    </>
  )
}

/**
 * Signs up a customer with a random password, so that nobody can sign in again after the session.
 */
const signUpAsSomebody = () => {
  const username = `guest-${newKey().slice(0, 8)}`
  return signUp({ username, password: newKey(), email: `${username}@example.com` })
}
