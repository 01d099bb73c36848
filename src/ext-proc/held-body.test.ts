import { describe, expect, it } from 'vitest';
import { HeldBody } from './held-body.ts';

describe('HeldBody', () => {
  it('keeps pieces by reference and drops empty ones', () => {
    const body = new HeldBody(100);
    const a = Buffer.from('ab');
    const b = Buffer.from('c');
    for (const piece of [a, Buffer.alloc(0), b]) body.add(piece);
    expect(body.pieces()).toEqual([a, b]);
    expect(body.pieces()[0]).toBe(a);
    expect(body.bytes).toBe(3);
  });

  it('is one empty piece when it is empty', () => {
    const body = new HeldBody(0);
    expect(body.fits(Buffer.alloc(0))).toBe(true);
    body.add(Buffer.alloc(0));
    expect(body.pieces().map((piece) => piece.length)).toEqual([0]);
  });

  it('accepts its bound and refuses one byte more', () => {
    const body = new HeldBody(10);
    expect(body.fits(Buffer.alloc(10))).toBe(true);
    body.add(Buffer.alloc(10));
    expect(body.fits(Buffer.alloc(1))).toBe(false);
    expect(body.bytes).toBe(10);
  });

  it('merges a drip of small pieces and keeps their bytes', () => {
    const body = new HeldBody(1_000_000);
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251));
    for (let i = 0; i < bytes.length; i++) body.add(bytes.subarray(i, i + 1));
    expect(body.pieces().length).toBe(4 + (5000 - 4 * 1024));
    expect(Buffer.concat(body.pieces()).equals(bytes)).toBe(true);
  });

  it('leaves large pieces alone however many there are', () => {
    const body = new HeldBody(1024 * 1024 * 1024);
    const piece = Buffer.alloc(1024, 'x');
    for (let i = 0; i < 2048; i++) body.add(piece);
    expect(body.pieces().length).toBe(2048);
    expect(body.pieces()[2047]).toBe(piece);
  });
});
