/**
 * Several texts in Prometheus' format as one: each metric once, with the samples of all. Their labels must tell them
 * apart. A metric begins with its HELP and TYPE lines and is parted from the next by an empty line, as prom-client writes.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const samples = new Map<string, string[]>();
  for (const metric of texts.flatMap((text) => text.trim().split('\n\n'))) {
    const [help = '', type = '', ...lines] = metric.split('\n');
    const head = `${help}\n${type}`;
    samples.set(head, [...(samples.get(head) ?? []), ...lines]);
  }
  return [...samples].map(([head, lines]) => `${[head, ...lines].join('\n')}\n`).join('\n');
}
