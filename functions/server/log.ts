/** JSON lines: one for each call, with names and numbers and never a value out of a resource. */
import { Ready, Status } from '@crossplane-org/function-sdk-typescript';
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import type { Exchange, Outcome } from './respond.ts';

/** @param destination standard output unless given. */
export function createLogger(level: 'info' | 'debug', destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { name: 'openova' },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

const LEVELS = {
  normal: 'info',
  warning: 'info',
  fatal: 'warn',
  failed: 'error',
  oversize: 'error',
  undecodable: 'error',
} as const satisfies Record<Outcome, string>;

export function logCall(logger: Logger, { record, response }: Exchange, milliseconds: number): void {
  logger[LEVELS[record.outcome]](
    { ...record, durationMs: Math.round(milliseconds * 10) / 10 },
    'RunFunction',
  );
  if (response === undefined || !logger.isLevelEnabled('debug')) return;
  const resources = Object.entries(response.desired?.resources ?? {});
  const details = {
    requestId: record.requestId,
    conditions: response.conditions.map(({ type, status, reason }) => `${type}=${WORDS[status]}/${reason}`),
    notReady: resources.flatMap(([key, { ready }]) => (ready === Ready.READY_TRUE ? [] : [key])),
  };
  logger.debug(details, 'answered');
}

const WORDS = {
  [Status.STATUS_CONDITION_UNSPECIFIED]: 'Unspecified',
  [Status.STATUS_CONDITION_UNKNOWN]: 'Unknown',
  [Status.STATUS_CONDITION_TRUE]: 'True',
  [Status.STATUS_CONDITION_FALSE]: 'False',
  [Status.UNRECOGNIZED]: 'Unrecognized',
} as const satisfies Record<Status, string>;
