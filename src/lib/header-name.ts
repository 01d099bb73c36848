import * as v from 'valibot';

/** An HTTP field name (RFC 9110, 5.1) in lower case. */
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** The name of a header as a configuration gives it: in any case, blanks around it do not count. Yields lower case. */
export const headerName = v.pipe(
  v.string(),
  v.trim(),
  v.toLowerCase(),
  v.regex(NAME, 'must be the name of a header, for example "x-session-id"'),
);
