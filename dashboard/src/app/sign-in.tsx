import { type FormEvent, useState } from 'react';
import { type Auth, signIn } from '../data/auth.ts';
import { Button } from '../ui/button.tsx';
import { Field, TextInput } from '../ui/field.tsx';
import { Panel } from '../ui/panel.tsx';

export function SignIn({ auth }: { auth: Exclude<Auth, { status: 'signed_in' }> }) {
  const [token, setToken] = useState('');
  const checking = auth.status === 'checking';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void signIn(token.trim());
  };
  return (
    <div className="m-auto w-full max-w-md py-8">
      <title>Sign in: Industrial Orchestrator</title>
      <Panel title="Sign in" level={1}>
        <form onSubmit={submit} className="space-y-4 p-4">
          <p className="text-sm">
            Open the link that <code className="font-mono">npm start</code> prints, or create another one with{' '}
            <code className="font-mono">npm run oio -- open</code>. The link signs you in. You can also paste a token.
          </p>
          <Field label="Token" hint="This browser keeps it until you sign out.">
            <TextInput
              type="password"
              name="token"
              autoComplete="current-password"
              required
              value={token}
              onChange={(event) => setToken(event.target.value)}
            />
          </Field>
          {auth.status === 'signed_out' && auth.reason && (
            <p role="alert" className="border-2 border-bad bg-bad-soft p-3 text-sm">
              {auth.reason}
            </p>
          )}
          <Button type="submit" look="strong" busy={checking} className="w-full">
            {checking ? 'Signing in' : 'Sign in'}
          </Button>
        </form>
      </Panel>
    </div>
  );
}
