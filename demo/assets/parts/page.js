// The page as a whole: tabs in the address, focus that is not lost, results that come into view.
(() => {
  const slug = (tab) => tab.textContent.trim().toLowerCase();
  const tabs = () => [...document.querySelectorAll("#tabs > .tab-wrapper [role=tab]")];
  const named = (name) => tabs().find((tab) => slug(tab) === name);
  // Whether the address holds settings, which Transfer fills in; a Space's own begin with "__".
  const linked = () => [...new URLSearchParams(location.search).keys()].some((key) => !key.startsWith("__"));
  const here = () => location.hash.slice(1).split("/")[0];
  let going = false; // while a tab is opened because the address says so
  const go = () => {
    const wanted = named(here()) ?? (location.hash ? null : linked() ? named("transfer") : tabs()[0]);
    if (!wanted || wanted.getAttribute("aria-selected") === "true") return;
    going = true;
    wanted.click();
    going = false;
  };
  document.addEventListener("click", (event) => {
    const tab = event.target.closest("#tabs > .tab-wrapper [role=tab]");
    if (tab && !going && here() !== slug(tab)) history.pushState(null, "", `#${slug(tab)}`);
  });
  window.addEventListener("popstate", go);
  const begun = new MutationObserver(() => {
    if (!tabs().length) return;
    begun.disconnect();
    go();
  });
  begun.observe(document.documentElement, { childList: true, subtree: true });

  // A button that is switched off loses the focus: it goes to the other of Run and Stop.
  let last = null;
  document.addEventListener("focusin", (event) => (last = event.target));
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const bar = target.closest?.(".bar");
      if (!bar || !target.disabled || target !== last) continue;
      if (document.activeElement !== document.body && document.activeElement !== target) continue;
      const other = [...bar.querySelectorAll("button")].find((each) => !each.disabled);
      if (other) setTimeout(() => other.focus({ preventScroll: true }));
    }
  }).observe(document.documentElement, { subtree: true, attributes: true, attributeFilter: ["disabled"] });

  // A list of choices that scrolls would take the focus along when it goes.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab") document.querySelectorAll("ul[role=listbox]").forEach((list) => (list.tabIndex = -1));
  }, true);

  // A tab's Run, as if it were opened and pressed there: its pictures come into view.
  parts.run = (name, id) => {
    named(name).click();
    const press = () => {
      const run = document.getElementById(id);
      if (!run?.checkVisibility()) return requestAnimationFrame(press); // a tab is made when it is opened
      run.closest(".work").scrollIntoView({ block: "start" });
      run.focus({ preventScroll: true });
      run.click();
    };
    press();
  };

  // Run was pressed: say so at once, for the server may take a moment, and show where it will be.
  parts.asked = (status, id) => {
    const words = document.querySelector(`#${status} .status p`);
    if (words) words.textContent = "Asking the server …";
    parts.bring(id);
  };
  // Into view, unless it is there.
  parts.bring = (id) => {
    const element = document.getElementById(id);
    const box = element?.getBoundingClientRect();
    if (box && (box.top < 0 || box.top > innerHeight / 2))
      element.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth", block: "start" });
  };
})();
