import path from 'node:path';
import { expect } from 'chai';
import { screenshotFolder } from '../support/screenshots.ts';
import { FAINT_TEXTS } from './contrast.ts';
import { expectSoundPage } from './page-facts.ts';
import type { Visitor } from './visitor.ts';

const WINDOWS = [
  { name: 'phone', width: 390, height: 844 },
  { name: 'small phone', width: 320, height: 568 },
  { name: 'desk', width: 1280, height: 800 },
];

/** In each window without scrolling sideways, in both colour schemes with enough contrast. */
export async function lookFromAllSides({ page }: Visitor, title: string): Promise<void> {
  for (const { name, ...size } of WINDOWS) {
    await page.setViewportSize(size);
    await expectSoundPage(page);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      expect(await page.evaluate(FAINT_TEXTS), `${title}, ${colorScheme}`).to.deep.equal([]);
      const folder = screenshotFolder();
      const file = `${name} ${colorScheme} ${title}.png`.replaceAll(/[^\w.]+/g, '-');
      if (folder !== undefined) await page.screenshot({ path: path.join(folder, file) });
    }
  }
}
