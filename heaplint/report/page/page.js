"use strict";
(() => {
  const form = document.getElementById("filters");
  const findings = [...document.querySelectorAll(".finding")];
  const files = [...document.querySelectorAll(".file")];
  const words = new Map(findings.map((one) => [one, null]));
  const textOf = (one) => {
    if (words.get(one) === null) words.set(one, one.textContent.toLowerCase());
    return words.get(one);
  };
  const apply = () => {
    const severity = form.elements.severity.value;
    const rule = form.elements.rule.value;
    const wanted = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const one of findings) {
      const keep = (!severity || one.dataset.severity === severity) && (!rule || one.dataset.rule === rule)
        && wanted.every((word) => textOf(one).includes(word));
      one.hidden = !keep;
      shown += keep;
    }
    for (const file of files) file.hidden = !file.querySelector(".finding:not([hidden])");
    form.elements.count.value = `${shown} of ${findings.length} shown`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => requestAnimationFrame(apply));
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.hidden) {
      form.reset();
      requestAnimationFrame(() => target.scrollIntoView());
    }
  };
  addEventListener("hashchange", reveal);
  form.hidden = false;
  apply();
})();
