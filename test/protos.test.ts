import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  BodySendMode,
  decodeProcessingRequest,
  decodeProcessingResponse,
  encodeProcessingRequest,
  encodeProcessingResponse,
} from '../src/protos/ext-proc.ts';
import {
  decodeHealthCheckRequest,
  decodeHealthCheckResponse,
  decodeHealthListRequest,
  decodeHealthListResponse,
  encodeHealthCheckRequest,
  encodeHealthCheckResponse,
  encodeHealthListRequest,
  encodeHealthListResponse,
  ServingStatus,
} from '../src/protos/health.ts';

const root = join(import.meta.dirname, '..');

describe('generated message code', () => {
  it('is what the definitions give', () => {
    const folder = mkdtempSync(join(tmpdir(), 'protos-'));
    try {
      execFileSync(process.execPath, [join(root, 'protos/generate.mjs'), folder], { cwd: root });
      for (const file of ['messages.js', 'messages.d.ts']) {
        const committed = readFileSync(join(root, 'src/protos/generated', file), 'utf8');
        expect(readFileSync(join(folder, file), 'utf8') === committed, `${file}: run node protos/generate.mjs`).toBe(
          true,
        );
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('messages on the wire', () => {
  // Written by hand from the published field numbers, so that a wrong number in our definitions cannot pass.
  it('reads the published bytes of a request', () => {
    const bytes = Buffer.from(
      [
        '12 12', // request_headers = 2
        '0a 0e 0a 0c 0a 05 3a70617468 1a 03 2f7631', // headers = 1, headers = 1, key = 1, raw_value = 3
        '18 01', // end_of_stream = 3
        '42 1e 0a 1c 0a 08 656e766f792e6c62', // metadata_context = 8, filter_metadata = 1, key
        '12 10 0a 0e 0a 06 736572766564 12 04 1a 02 6f6b', // fields = 1: key, string_value = 3
        '5a 04 08 04 10 02', // protocol_config = 11
      ]
        .join(' ')
        .replaceAll(' ', ''),
      'hex',
    );
    // The header part is 18 bytes: 2 + 14 of headers and 2 of end_of_stream.
    const message = decodeProcessingRequest(bytes);
    expect(message.requestHeaders?.endOfStream).toBe(true);
    const header = message.requestHeaders?.headers?.headers?.[0];
    expect(header?.key).toBe(':path');
    expect(Buffer.from(header?.rawValue ?? []).toString()).toBe('/v1');
    expect(message.metadataContext?.filterMetadata?.['envoy.lb']?.fields?.['served']?.stringValue).toBe('ok');
    expect(message.protocolConfig?.requestBodyMode).toBe(BodySendMode.FULL_DUPLEX_STREAMED);
    expect(message.protocolConfig?.responseBodyMode).toBe(BodySendMode.BUFFERED);
  });

  it('writes the published bytes of a body answer', () => {
    const bytes = encodeProcessingResponse({
      requestBody: { response: { bodyMutation: { streamedResponse: { body: Buffer.from('hi'), endOfStream: true } } } },
    });
    // request_body = 3, response = 1, body_mutation = 3, streamed_response = 3, body = 1, end_of_stream = 2
    expect(bytes.toString('hex')).toBe('1a0c0a0a1a081a060a0268691001');
  });

  it('hands out bodies as views of the received bytes', () => {
    const bytes = encodeProcessingRequest({ requestBody: { body: Buffer.alloc(1000, 'x'), endOfStream: false } });
    const body = decodeProcessingRequest(bytes).requestBody?.body;
    expect(body).toBeInstanceOf(Buffer);
    expect(body?.buffer).toBe(bytes.buffer);
  });

  it('keeps a namespace named like a property of every object', () => {
    const metadataContext = JSON.parse('{"filterMetadata":{"__proto__":{"fields":{"a":{"stringValue":"b"}}}}}');
    const message = decodeProcessingRequest(encodeProcessingRequest({ metadataContext }));
    expect(Object.keys(message.metadataContext?.filterMetadata ?? {})).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['fields']).toBeUndefined();
  });

  it('throws on bytes that are no message', () => {
    expect(() => decodeProcessingRequest(Buffer.from('12ff', 'hex'))).toThrow(Error);
    expect(() => decodeProcessingResponse(Buffer.from('0a05', 'hex'))).toThrow(Error);
  });

  it('carries the health messages', () => {
    expect(decodeHealthCheckRequest(encodeHealthCheckRequest({ service: 'a' })).service).toBe('a');
    const answer = { status: ServingStatus.NOT_SERVING };
    expect(decodeHealthCheckResponse(encodeHealthCheckResponse(answer)).status).toBe(2);
    expect(decodeHealthListRequest(encodeHealthListRequest())).toEqual({});
    const list = decodeHealthListResponse(encodeHealthListResponse({ statuses: { readiness: answer } }));
    expect(list.statuses?.['readiness']?.status).toBe(2);
  });
});
