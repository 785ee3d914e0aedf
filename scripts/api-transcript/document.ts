/** The place of the transcript in docs/api.md. */
const START = '<!-- transcript: npm run api-transcript -->';

/** The document with this transcript after the marker, where it ends. Throws without a marker. */
export function withTranscript(document: string, transcript: string): string {
  const [head, ...rest] = document.split(START);
  if (head === undefined || rest.length !== 1) throw new Error(`docs/api.md lacks "${START}"`);
  return `${head}${START}\n\n${transcript}\n`;
}
