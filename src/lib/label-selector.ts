const NAME = String.raw`[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?`;
const KEY = String.raw`(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?${NAME}`;
const VALUE = String.raw`(?:${NAME})?`;
const SET = String.raw`\(\s*${VALUE}(?:\s*,\s*${VALUE})*\s*\)`;
/** One requirement: `!a`, `a in (b, c)`, `a notin (b)`, `a = b`, `a == b`, `a != b`, `a > 1`, `a < 1`, `a`. */
const REQUIREMENT = new RegExp(
  String.raw`^(?:!\s*${KEY}|${KEY}\s+(?:in|notin)\s*${SET}|${KEY}\s*(?:==|=|!=)\s*${VALUE}|${KEY}\s*[<>]\s*\d+|${KEY})$`,
);

/**
 * What is wrong with a label selector in Kubernetes' grammar, or undefined. The API server checks it too, but only when
 * asked. Source: k8s.io/apimachinery `labels.Parse`.
 */
export function whyNotSelector(text: string): string | undefined {
  // A comma inside parentheses separates values, not requirements.
  const bad = text.split(/,(?![^(]*\))/).find((part) => !REQUIREMENT.test(part.trim()));
  if (bad === undefined) return undefined;
  return `"${bad.trim()}" is no requirement; write a=b, a!=b, a in (b,c), a notin (b,c), a or !a, with commas between`;
}
