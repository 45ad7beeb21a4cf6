// hot path: no allocation per request

/**
 * 64 bits as two halves, since a number holds 53 and a BigInt allocates. Both are signed 32-bit
 * integers, which engines keep without boxing; `>>> 0` makes them unsigned where it matters.
 */
export class Hash64 {
  hi = 0;
  lo = 0;

  set(hi: number, lo: number): void {
    this.hi = hi | 0;
    this.lo = lo | 0;
  }

  copy(from: Hash64): void {
    this.hi = from.hi;
    this.lo = from.lo;
  }

  add(hi: number, lo: number): void {
    const sum = (this.lo >>> 0) + (lo >>> 0);
    this.lo = sum | 0;
    this.hi = (this.hi + hi + (sum > 0xffff_ffff ? 1 : 0)) | 0;
  }

  multiply(hi: number, lo: number): void {
    const low = this.lo;
    this.hi = (highProduct(low, lo) + Math.imul(this.hi, lo) + Math.imul(low, hi)) | 0;
    this.lo = Math.imul(low, lo);
  }

  xor(hi: number, lo: number): void {
    this.hi ^= hi;
    this.lo ^= lo;
  }

  /** `bits`: 1 to 31. */
  rotateLeft(bits: number): void {
    const { hi, lo } = this;
    this.hi = (hi << bits) | (lo >>> (32 - bits));
    this.lo = (lo << bits) | (hi >>> (32 - bits));
  }

  /** Exclusive or with itself, shifted right. `bits`: 1 to 63. */
  xorShiftRight(bits: number): void {
    const { hi, lo } = this;
    if (bits >= 32) {
      this.lo = lo ^ (hi >>> (bits - 32));
      return;
    }
    this.lo = lo ^ ((lo >>> bits) | (hi << (32 - bits)));
    this.hi = hi ^ (hi >>> bits);
  }

  /** The remainder, as of an unsigned number. `divisor`: up to 2^23. */
  modulo(divisor: number): number {
    const ofHigh = ((this.hi >>> 0) % divisor) * (0x1_0000_0000 % divisor);
    return (ofHigh + (this.lo >>> 0)) % divisor;
  }

  toString(): string {
    return hex(this.hi) + hex(this.lo);
  }
}

/** The upper 32 bits of a product of two unsigned 32-bit integers. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x1_0000) + (other >>> 16)) | 0;
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, "0");
}
