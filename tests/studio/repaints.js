// Milliseconds from each press of Step until the frame with its numbers has been painted.
async (count) => {
  const taken = [];
  for (let i = 1; i <= count; i += 1) {
    const began = performance.now();
    document.querySelector("[data-act=iterate]").click();
    await new Promise((done) => {
      const wait = () => document.querySelector("#iteration").textContent === String(i)
        ? requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel();
          port1.onmessage = done; port2.postMessage(0); }) : setTimeout(wait, 0);
      wait();
    });
    taken.push(performance.now() - began);
  }
  return taken;
}
