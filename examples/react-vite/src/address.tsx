import { short } from './amount';

interface Props {
  of: string;
  onChoose: (address: string) => void;
}

/** An address, short; a click chooses it. */
export function Address({ of, onChoose }: Props) {
  return (
    <button type="button" className="address" title={of} onClick={() => onChoose(of)}>
      {short(of)}
    </button>
  );
}
