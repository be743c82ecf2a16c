// window.firstImage resolves when a canvas shows an image, to milliseconds since the navigation began.
window.firstImage = new Promise((resolve) => {
  const probe = document.createElement("canvas");
  probe.width = probe.height = 16;
  const context = probe.getContext("2d", { willReadFrequently: true });

  const showsAnImage = (canvas) => {
    if (canvas.width < 200 || canvas.height < 200) return false;
    context.clearRect(0, 0, 16, 16);
    context.drawImage(canvas, 0, 0, 16, 16);
    const pixels = context.getImageData(0, 0, 16, 16).data;
    const greys = new Set();
    for (let i = 0; i < pixels.length; i += 4) greys.add(pixels[i]);
    return greys.size > 8;
  };

  const look = () => {
    if ([...document.querySelectorAll("canvas")].some(showsAnImage)) {
      resolve(performance.now());
    } else {
      requestAnimationFrame(look);
    }
  };
  requestAnimationFrame(look);
});
