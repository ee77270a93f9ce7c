"use strict";
for (const section of document.querySelectorAll("[data-findings]")) {
  const bar = section.querySelector(".filters");
  if (!bar) continue;
  const search = bar.querySelector("[data-search]");
  const choices = [...bar.querySelectorAll("select")];
  const shown = section.querySelector("[data-shown]");
  const nothing = section.querySelector("[data-nothing]");
  const cards = [...section.querySelectorAll("[data-card]")].map((card) => ({
    card,
    title: card.querySelector("header").textContent.toLowerCase(),
    details: card.querySelector(".entries"),
    entries: [...card.querySelectorAll(".finding")].map((entry) => ({
      entry,
      text: entry.textContent.toLowerCase(),
    })),
  }));
  const open = new Map(cards.map(({ details }) => [details, details && details.open]));
  const total = cards.reduce((sum, { entries }) => sum + entries.length, 0);

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = choices.filter((choice) => choice.value);
    const filtering = words.length + wanted.length > 0;
    let count = 0;
    for (const { card, title, details, entries } of cards) {
      let here = 0;
      for (const { entry, text } of entries) {
        const fits =
          wanted.every((choice) => entry.dataset[choice.dataset.by] === choice.value) &&
          words.every((word) => text.includes(word) || title.includes(word));
        entry.hidden = !fits;
        here += fits;
      }
      card.hidden = here === 0;
      if (details) details.open = filtering || open.get(details);
      count += here;
    }
    shown.textContent = filtering
      ? `${count} of ${total} findings`
      : `${total} finding${total === 1 ? "" : "s"}`;
    nothing.hidden = count > 0;
  }

  bar.addEventListener("input", apply);
  bar.querySelector("[data-reset]").addEventListener("click", () => {
    search.value = "";
    for (const choice of choices) choice.value = "";
    apply();
    search.focus();
  });
  bar.hidden = shown.hidden = false;
  apply();
}

// What a link leads to may be folded.
function unfold() {
  const target = document.getElementById(location.hash.slice(1));
  const folded = target && target.closest("details:not([open])");
  if (!folded) return;
  folded.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();

// Nothing can be unfolded on paper.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of folded) details.open = false;
});
