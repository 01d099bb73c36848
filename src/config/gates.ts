import { didYouMean } from '../lib/nearest.ts';
import type { Problems } from './problems.ts';
import { show } from './problems.ts';

/** Switches of `featureGates`, with what they are when nobody says anything. Source: contract 2.3. */
const DEFAULTS = { flowControl: false, haPopulateNonLeaderDatastore: true } as const;

export type Gate = keyof typeof DEFAULTS;
export type Gates = Readonly<Record<Gate, boolean>>;

/** What Go's `strconv.ParseBool` takes, once in lower case. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  true: true,
  '0': false,
  f: false,
  false: false,
};

/** Reads entries like `flowControl` and `flowControl=false`; a later entry wins. */
export function resolveGates(entries: readonly string[], problems: Problems): Gates {
  const gates: Record<Gate, boolean> = { ...DEFAULTS };
  for (const [index, entry] of entries.entries()) {
    const path = ['featureGates', index];
    const [left, ...rest] = entry.split('=');
    const name = left.trim();
    if (!isGate(name)) {
      const close = didYouMean(name, Object.keys(DEFAULTS));
      problems.error(path, `feature gate validation failed: feature gate '${name}' is unknown or unregistered${close}`);
      continue;
    }
    const text = rest.join('=').trim().toLowerCase();
    const value = rest.length === 0 ? true : Object.hasOwn(BOOLEANS, text) ? BOOLEANS[text] : undefined;
    if (value === undefined) {
      const wrong = `${show(text)} is not a valid value for the feature gate ${name}`;
      problems.error(path, `feature gate validation failed: ${wrong}: write true or false`);
    } else {
      gates[name] = value;
    }
  }
  return gates;
}

function isGate(name: string): name is Gate {
  return Object.hasOwn(DEFAULTS, name);
}
