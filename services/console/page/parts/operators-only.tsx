/** Replaces the operators' pages for other users, and says how to become an operator. */
import { session } from "../core/session.ts"
import { SignIn } from "./sign-in.tsx"

export const OperatorsOnly = ({ title }: { readonly title: string }) => {
  const { value: who } = session
  return (
    <>
      <h1 tabIndex={-1}>{title}</h1>
      <div class="panel narrow-panel">
        {who
          ? (
            <>
              <h2>You are not an operator</h2>
              <p>
                You are signed in as{" "}
                <b>{who.username}</b>, and this page is for operators. The person who runs the
                system can make you one:
              </p>
              <pre><code>npm run operators -- grant {who.username}</code></pre>
              <p>Then sign out and sign in again.</p>
            </>
          )
          : (
            <>
              <h2>Sign in as an operator</h2>
              <p>
                <code>npm start</code> prints an address that signs in the first operator.{" "}
                <code>npm run operators -- grant NAME</code> makes a user an operator.
              </p>
              <SignIn />
            </>
          )}
      </div>
    </>
  )
}
