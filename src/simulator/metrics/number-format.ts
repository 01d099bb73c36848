/**
 * A sample's value as the Python client prints it: whole numbers end in `.0`, those of a million and above are written
 * like `6.4929e+07`.
 */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value >= 1e6 && value < 1e21) return formatLarge(value);
  return Number.isInteger(value) ? `${value}.0` : `${value}`;
}

function formatLarge(value: number): string {
  const digits = String(value);
  const dot = digits.indexOf('.');
  const whole = dot < 0 ? digits.length : dot;
  const mantissa = `${digits[0]}.${digits.slice(1).replace('.', '')}`.replace(/\.?0+$/, '');
  return `${mantissa}e+${String(whole - 1).padStart(2, '0')}`;
}

/** A quoted label value. */
export function quoteLabel(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
