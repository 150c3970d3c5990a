/** Addresses to listen on, and what to say when that fails. */

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `host:port`, `[v6]:port` or `:port`, which listens on every IPv4 address. Port 0 is any free port.
 * @throws when the text is none of them, saying what it should be.
 */
export function parseAddress(text: string): Address {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65535) {
    throw new Error(`address "${text}" is not "host:port" with a port from 0 to 65535`);
  }
  return { host: bracketed ?? (plain === undefined || plain === '' ? '0.0.0.0' : plain), port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * @param what listens, such as "metrics".
 * @param cause what the system said.
 */
export function cannotListen(what: string, address: string, cause: string): Error {
  return new Error(`cannot listen on "${address}" for ${what}: ${cause}`);
}
