import type { Report, Table } from './report.ts';

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2330}
h1{font-size:1.4rem}h2{font-size:1.05rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid #dde2ea}td+td{font-variant-numeric:tabular-nums}
.ok{color:#14742f}.FAILED{color:#b3141e;font-weight:600}.info{color:#667085}dl{display:flex;flex-wrap:wrap;gap:.2rem 1.5rem}
dt{color:#667085}dd{margin:0 0 0 .4rem}dl div{display:flex}
@media(prefers-color-scheme:dark){body{background:#12161d;color:#dfe5ee}td,th{border-color:#2b3340}.ok{color:#5ecb80}.FAILED{color:#ff7a80}}`;

/** The report as one HTML page that needs nothing else. */
export function renderPage(report: Report): string {
  const verdict = report.passed ? 'ok' : 'FAILED';
  const settings = Object.entries(report.settings).map(
    ([name, value]) => `<div><dt>${escape(name)}</dt><dd>${escape(String(value))}</dd></div>`,
  );
  const limits = report.limits.map(
    ({ title, shown, limit, state, why }) =>
      `<tr>${cells([title, shown, limit])}<td class="${state}">${state === 'info' ? `not in force: ${escape(why)}` : state}</td></tr>`,
  );
  const figures: Table = { title: 'Figures', head: [], rows: report.figures.map(({ title, shown }) => [title, shown]) };
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(report.script)}: ${verdict}</title><style>${STYLE}</style></head><body>
<h1>${escape(report.script)}: <span class="${verdict}">${report.passed ? 'passed' : 'FAILED'}</span></h1>
<dl>${settings.join('')}</dl>
<h2>Limits</h2>
<table><tr>${heads(['', 'measured', 'limit', ''])}</tr>${limits.join('\n')}</table>
${[figures, ...report.tables].map(section).join('\n')}
</body></html>
`;
}

function section({ title, head, rows }: Table): string {
  const first = head.length === 0 ? '' : `<tr>${heads(head)}</tr>`;
  return `<h2>${escape(title)}</h2>\n<table>${first}${rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n')}</table>`;
}

function heads(texts: readonly string[]): string {
  return texts.map((text) => `<th>${escape(text)}</th>`).join('');
}

function cells(texts: readonly string[]): string {
  return texts.map((text) => `<td>${escape(text)}</td>`).join('');
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
