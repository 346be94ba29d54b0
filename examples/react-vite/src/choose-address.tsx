import { type FormEvent, useEffect, useState } from 'react';

interface Props {
  address: string | undefined;
  onChoose: (address: string) => void;
}

/** A field for the address whose streams are shown. */
export function ChooseAddress({ address, onChoose }: Props) {
  const [text, setText] = useState('');
  useEffect(() => setText(address ?? ''), [address]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onChoose(text.trim());
  };
  return (
    <form className="choose" onSubmit={submit}>
      <label>
        Streams of{' '}
        <input
          value={text}
          onChange={({ target }) => setText(target.value)}
          pattern="\s*[GC][A-Z2-7]{55}\s*"
          title="A whole address: G or C, and 55 more characters"
          placeholder="G… or C…"
          spellCheck={false}
          required
        />
      </label>
      <button type="submit">Show</button>
    </form>
  );
}
