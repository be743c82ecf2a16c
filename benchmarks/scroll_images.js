// window.scrolled(seconds): how many images a second appear while a key asks for the next before every repaint.
window.scrolled = async (seconds) => {
  const repaint = () => new Promise(requestAnimationFrame);
  const viewport = () => window.isocenter?.viewports[0];
  while (!viewport()?.count || viewport().loaded < viewport().count) await repaint();
  let shown = null;
  let images = 0;
  let key = "ArrowDown";
  const begin = performance.now();
  while (performance.now() - begin < seconds * 1000) {
    const { index, wanted, count } = viewport();
    if (index !== shown) images++;
    shown = index;
    if (wanted === count - 1) key = "ArrowUp";
    if (wanted === 0) key = "ArrowDown";
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await repaint();
  }
  return images / ((performance.now() - begin) / 1000);
};
