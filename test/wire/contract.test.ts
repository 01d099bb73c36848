import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { grpcRows } from './contract-grpc.ts';
import {
  BAD_BODY,
  expectRefusal,
  expectRoute,
  held,
  JSON_OK,
  start,
  stopAll,
  THREE,
  withParser,
} from './contract-kit.ts';
import { pluginRows } from './contract-plugins.ts';
import { requestRows } from './contract-requests.ts';
import { responseRows } from './contract-responses.ts';
import { completion } from './contract-rig.ts';
import { routingRows } from './contract-routing.ts';
import { HELD_ELSEWHERE, LAST_ROW, NOT_HELD } from './contract-rows.ts';
import { sessionRows } from './contract-sessions.ts';
import { message, shorten } from './support.ts';

const { requestHeaders, requestBody, requestTrailers, responseHeaders, responseBody } = message;

afterEach(stopAll);

/**
 * The rows of the contract that concern a picker alone, through its real gRPC service, with everything behind it but
 * scraping. Where a row is a defect of the reference (marked D there), the test holds what the protocol says instead;
 * where our answer is smaller because headers are not echoed, it holds what the client and the server see.
 */
routingRows();
requestRows();
responseRows();
grpcRows();
sessionRows();
pluginRows();

describe('the state machine (1.3) and errors (4)', () => {
  it('answers a request that ends with trailers, which the reference never does', async () => {
    const picker = await start();
    const { messages, body } = completion('m');
    const told = await picker.tell(messages[0], requestBody(body, false), requestTrailers());
    expectRoute(told, 1);
    expect(told.answers.map(shorten)).toEqual(['request headers', `request body ${body}`, 'request trailers']);
  });

  it('refuses an empty body that is announced', async () => {
    const picker = await start();
    const told = await picker.tell(requestHeaders(false, { ':path': '/v1/completions' }), requestBody('', true));
    expect(told.refusal?.status).toBe(400);
    expect(told.refusal?.message.startsWith(BAD_BODY)).toBe(true);
  });

  it('refuses a path nobody reads', async () => {
    const picker = await start(THREE, withParser('openai-parser'));
    const told = await picker.tell(requestHeaders(false, { ':path': '/v1/foo?a=b' }), requestBody('{}', true));
    expectRefusal(told, 400, 'inference error: BadRequest - no parser registered matching path suffix for: /v1/foo');
  });

  it('passes a response that comes without a request', async () => {
    const picker = await start();
    const told = await picker.tell(responseHeaders(false, JSON_OK), responseBody('{}', true));
    expect(told.answers.map(shorten)).toEqual(['response headers', 'response body {}$']);
  });

  it('counts refusals by their code', async () => {
    const picker = await start([]);
    await picker.tell(...completion('m').messages);
    await picker.tell(...completion(undefined).messages);
    expect(await picker.metric('_request_error_total{', 'model_name="m"', 'ServiceUnavailable')).toMatch(/ 1$/);
    expect(await picker.metric('_request_error_total{', 'BadRequest')).toMatch(/ 1$/);
  });

  it('passes errors of servers, and counts them', async () => {
    const picker = await start();
    const told = await picker.tell(
      ...completion('m').messages,
      responseHeaders(false, { ':status': '500' }),
      responseBody('boom', true),
    );
    expect([told.code, told.responseBody]).toEqual([status.OK, 'boom']);
    expect(await picker.metric('_request_error_total{', 'ModelServerError')).toMatch(/ 1$/);
  });
});

describe('the list of rows', () => {
  const lists = [held, new Set(Object.keys(HELD_ELSEWHERE).map(Number)), new Set(Object.keys(NOT_HELD).map(Number))];

  it('knows every row once', () => {
    const rows = Array.from({ length: LAST_ROW }, (_, index) => index + 1);
    expect(rows.filter((number) => lists.filter((list) => list.has(number)).length !== 1)).toEqual([]);
    expect(lists.flatMap((list) => [...list]).filter((number) => !rows.includes(number))).toEqual([]);
  });

  it('names suites that exist', () => {
    const missing = Object.values(HELD_ELSEWHERE).filter(
      (path) => !existsSync(resolve(import.meta.dirname, '../..', path)),
    );
    expect(missing).toEqual([]);
  });
});
