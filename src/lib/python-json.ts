/**
 * A JSON value as Python's `json.dumps` writes it by default: a space after every comma and colon, and everything
 * outside printable ASCII escaped. Model servers put such text into prompts. Numbers are written as JavaScript writes
 * them, which differs for floats without a fraction. Throws `RangeError` for a value nested too deep.
 */
export function pythonJson(value: unknown): string {
  if (typeof value === 'string') return asciiString(value);
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).map(([key, member]) => `${asciiString(key)}: ${pythonJson(member)}`);
  return `{${members.join(', ')}}`;
}

function asciiString(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
