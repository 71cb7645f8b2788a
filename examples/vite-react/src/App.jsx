import { useEffect, useState } from "react";
import { browserLogin } from "express-login-kit/browser";

// A login that ends elsewhere ends here too.
const login = browserLogin({ onEnded: () => location.reload() });

export function App() {
  const [session, setSession] = useState();
  useEffect(() => {
    fetch("/session")
      .then((answer) => answer.json())
      .then(setSession);
  }, []);
  if (session === undefined) return <p>One moment</p>;
  if (!session.active) return <a href={session.login_url}>Sign in</a>;
  return (
    <>
      <h1>Hello, {session.claims.name}</h1>
      <Wishes />
      <form method="post" action={session.logout_url}>
        <button>Sign out</button>
      </form>
    </>
  );
}

function Wishes() {
  const [wishes, setWishes] = useState([]);
  useEffect(() => login.watch(), []);
  useEffect(() => {
    void load("/api/wishes").then(setWishes);
  }, []);
  const wish = async (event) => {
    event.preventDefault();
    const text = new FormData(event.target).get("text");
    const body = JSON.stringify({ text });
    const headers = { "Content-Type": "application/json" };
    setWishes(await load("/api/wishes", { method: "POST", headers, body }));
  };
  return (
    <>
      <ul>
        {wishes.map((text, index) => (
          <li key={index}>{text}</li>
        ))}
      </ul>
      <form onSubmit={wish}>
        <input name="text" aria-label="Wish" required />
        <button>Wish</button>
      </form>
    </>
  );
}

// An answer that asks for a login leads to the provider and back to this page.
async function load(path, init) {
  const answer = await login.fetch(path, init);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}
