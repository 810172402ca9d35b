const MASK_BYTES = 4;

/** A WebSocket frame of a client: its bytes as they were sent, and its payload as text. */
export interface ClientFrame {
  bytes: Buffer;
  text: string;
}

/** Finds the frames in what a client sends after its upgrade (RFC 6455, section 5.2; a client's payload is masked). */
export class ClientFrames {
  #buffered = Buffer.alloc(0);

  /** @returns the frames that this chunk completes */
  add(chunk: Buffer): ClientFrame[] {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    const frames: ClientFrame[] = [];
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): ClientFrame | null {
    const data = this.#buffered;
    if (data.length < 2) return null;
    const short = data.readUInt8(1) & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const mask = 2 + lengthBytes;
    if (data.length < mask + MASK_BYTES) return null;
    const length =
      lengthBytes === 2 ? data.readUInt16BE(2) : lengthBytes === 8 ? Number(data.readBigUInt64BE(2)) : short;
    const [start, end] = [mask + MASK_BYTES, mask + MASK_BYTES + length];
    if (data.length < end) return null;
    const payload = data.subarray(start, end).map((byte, index) => byte ^ data.readUInt8(mask + (index % MASK_BYTES)));
    this.#buffered = data.subarray(end);
    return { bytes: data.subarray(0, end), text: Buffer.from(payload).toString() };
  }
}
