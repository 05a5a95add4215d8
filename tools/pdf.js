// Runs on a page of the site, for tools/pdf.py: turns it into the whole book, with a
// title page and a table of contents. An id becomes "page--id", so that links between
// pages lead to places within the document. Returns the headings, for the bookmarks.
async ({ book, parts }) => {
  const root = new URL(document.documentElement.dataset.content_root, location.href);
  const name = (url) =>
    url.pathname.slice(root.pathname.length).replace(/\.html$/, "").replaceAll("/", "-");
  const known = new Set(
    parts.flatMap(({ pages }) => pages.map((path) => new URL(path, root).pathname)),
  );
  const make = (tag, attributes, ...children) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  };

  const fetchArticle = async (path) => {
    const url = new URL(path, root);
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${path} is not built: make book`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const article = page.querySelector("article.bd-article");
    const onScreen = ".headerlink, .live-note, script";
    for (const part of article.querySelectorAll(onScreen)) part.remove();
    for (const part of article.querySelectorAll("[id]")) {
      part.id = `${name(url)}--${part.id}`;
    }
    for (const picture of article.querySelectorAll("img")) {
      picture.src = new URL(picture.getAttribute("src"), url).href;
      picture.loading = "eager";
    }
    for (const link of article.querySelectorAll("a[href]")) {
      const target = new URL(link.getAttribute("href"), url);
      if (target.origin !== root.origin) continue;
      if (known.has(target.pathname)) {
        const place = decodeURIComponent(target.hash.slice(1));
        link.setAttribute("href", `#${name(target)}${place && `--${place}`}`);
      } else {
        link.removeAttribute("href"); // a file of the site, not a page of the book
      }
    }
    article.id = name(url);
    return document.adoptNode(article);
  };

  const words = (heading) => {
    const copy = heading.cloneNode(true);
    for (const part of copy.querySelectorAll(".katex-mathml")) part.remove();
    return copy.textContent.replace(/\s+/g, " ").trim();
  };
  const bookmarks = [];
  const contents = make("nav", { className: "all-pages" }, make("h1", {}, "Contents"));
  const rules = [];
  const all = [];
  for (const { caption, pages } of parts) {
    const list = make("ul");
    if (caption) {
      contents.append(make("h2", {}, caption));
      bookmarks.push({ level: 0, title: caption, place: name(new URL(pages[0], root)) });
    }
    for (const article of await Promise.all(pages.map(fetchArticle))) {
      for (const heading of article.querySelectorAll("h1, h2")) {
        const level = Number(heading.tagName[1]);
        const place = level === 1 ? article.id : (heading.id ||= heading.closest("section").id);
        const entry = make("a", { href: `#${place}` }, words(heading));
        list.append(make("li", { className: `level-${level}` }, entry));
        bookmarks.push({ level, title: entry.textContent, place });
      }
      const title = JSON.stringify(words(article.querySelector("h1")));
      rules.push(`@page ${article.id} { @top-left { content: ${title}; } }`);
      article.style.page = article.id;
      all.push(article);
    }
    contents.append(list);
  }

  const cover = make(
    "section",
    { className: "cover" },
    make("h1", {}, book.title),
    make("p", {}, book.author),
    make("img", { src: new URL("_static/path.svg", root).href, alt: book.alt }),
    make("p", {}, book.licence),
  );
  const column = make("div", { className: "bd-article-container" }, cover, contents, ...all);
  document.body.replaceChildren(
    make("main", { className: "bd-main" }, make("div", { className: "bd-content" }, column)),
  );
  document.head.append(make("style", {}, rules.join("\n")));
  document.title = book.title;
  await Promise.all([...document.images].map((picture) => picture.decode()));
  await document.fonts.ready;
  return bookmarks;
}
