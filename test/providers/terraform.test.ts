import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { escapeTemplate, escapeTemplates } from '../../functions/providers/terraform.ts';

/** What Terraform makes of a string without a sequence that it would evaluate; undefined for one that has any. */
function evaluated(text: string): string | undefined {
  const plain = text.replaceAll('$${', '\0').replaceAll('%%{', '\x01');
  return /[$%]\{/.test(plain) ? undefined : plain.replaceAll('\0', '${').replaceAll('\x01', '%{');
}

describe('a string for Terraform', () => {
  test.each([
    { reason: 'plain text stays', given: 'cx33', expected: 'cx33' },
    { reason: 'a shell variable is no reference', given: 'echo ${HOME}', expected: 'echo $${HOME}' },
    { reason: 'a format is no directive', given: '-w %{http_code}', expected: '-w %%{http_code}' },
    { reason: 'a sign alone is nothing', given: '$HOME 5% $ { % {', expected: '$HOME 5% $ { % {' },
    { reason: 'several', given: '${a}${b}%{c}', expected: '$${a}$${b}%%{c}' },
  ])('$reason', ({ given, expected }) => {
    expect(escapeTemplate(given)).toBe(expected);
  });

  test('arrives as it was written', () => {
    const piece = fc.constantFrom('${', '%{', '}', 'a', ' ', '{', '\n', '$', '%');
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('');
        expect(evaluated(escapeTemplate(text))).toBe(text);
      }),
    );
  });

  test('every string of a value, and nothing else of it', () => {
    expect(escapeTemplates({ a: '${x}', b: ['%{y}', 1, true, null], '${k}': { c: 'z' } })).toEqual({
      a: '$${x}',
      b: ['%%{y}', 1, true, null],
      '${k}': { c: 'z' },
    });
  });
});
