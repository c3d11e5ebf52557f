//! The HTML report in a real browser. Where none is installed the test says loudly that it did not run;
//! `MAINSTAY_LAB=required` makes that a failure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::sandbox::Sandbox;

/// Reads the report in frames of several widths, with several searches, and tells what it saw as JSON.
const READER: &str = r#"<!doctype html><pre id="out"></pre><script>
const frame = (address, width, attributes = {}) => new Promise((done) => {
  const it = document.createElement("iframe");
  Object.assign(it, { width, height: 900 });
  for (const [name, value] of Object.entries(attributes)) it.setAttribute(name, value);
  it.onload = () => setTimeout(() => done(it.contentDocument), 50);
  it.src = address;
  document.body.append(it);
});
const seen = (page) => {
  const shows = (element) => element.getClientRects().length > 0;
  const root = page.documentElement;
  return {
    overflow: root.scrollWidth - root.clientWidth,
    entries: page.querySelectorAll(".entry").length,
    shown: [...page.querySelectorAll(".entry")].filter(shows).map((it) => it.closest(".group").dataset.hosts),
    search: shows(page.querySelector(".search")),
    status: page.getElementById("n").textContent,
    picture: page.querySelectorAll("svg .part").length,
    images: page.querySelectorAll("img, iframe, script[src], link[rel=stylesheet]").length,
    text: page.body.innerText,
  };
};
onload = async () => {
  const said = {};
  for (const width of [400, 1400]) said[width] = seen(await frame("report.html", width));
  for (const word of ["cp1", "destroy", "haproxy.cfg", "nothing-like-it"]) {
    said[word] = seen(await frame(`report.html#q=${word}`, 800));
  }
  const page = await frame("report.html", 800);
  const press = (target, key) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const box = page.getElementById("q");
  page.defaultView.focus();
  press(page.body, "/");
  said.focused = page.activeElement === box;
  box.value = "cp2";
  box.dispatchEvent(new Event("input"));
  said.typed = seen(page);
  press(box, "Escape");
  said.cleared = seen(page);
  if (location.hash === '#plain') said.plain = seen(await frame("report.html", 800, { sandbox: "allow-same-origin" }));
  document.getElementById("out").textContent = JSON.stringify(said);
};
</script>"#;

#[expect(clippy::print_stderr, reason = "that a test did not run must not be missed")]
fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name))).find(|it| it.is_file());
    if found.is_none() {
        let why = "no browser (chromium) is installed: the HTML report was NOT looked at in a browser";
        assert_ne!(std::env::var("MAINSTAY_LAB").as_deref(), Ok("required"), "{why}");
        eprintln!("\n!!! {why}\n");
    }
    found
}

/// What the reader saw of `report.html`, and what the browser complained about.
fn read(browser: &Path, it: &Sandbox, fragment: &str) -> (Value, Vec<String>) {
    fs::write(it.path("reader.html"), READER).unwrap();
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--enable-logging=stderr",
        // The reader looks into the report's frame.
        "--disable-web-security",
        "--allow-file-access-from-files",
        // Nothing can be reached; who tries is seen in the console.
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--window-size=1600,1200",
        "--virtual-time-budget=20000",
        "--dump-dom",
    ];
    let profile = format!("--user-data-dir={}", it.path("profile").display());
    let address = format!("file://{}{fragment}", it.path("reader.html").display());
    let output = Command::new(browser).args(arguments).args([profile, address]).env("HOME", it.dir()).output().unwrap();
    let (dom, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let json = dom.split_once("<pre id=\"out\">").and_then(|(_, rest)| rest.split_once("</pre>")).map(|it| it.0);
    let json = json.unwrap_or_else(|| panic!("{dom}\n{said}"));
    let json = json.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}\n{said}"));
    (value, said.lines().filter(|line| line.contains("CONSOLE")).map(ToOwned::to_owned).collect())
}

fn hosts(seen: &Value) -> Vec<&str> {
    seen["shown"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect()
}

#[test]
fn the_report_reads_well_in_a_browser() {
    let Some(browser) = browser() else { return };
    let it = Sandbox::applied();
    let hostile = r#"{"content":"</script></pre><img src=http://evil.example/x onerror=alert(1)>\n"}"#;
    it.expect(0, &["sim", "set", &format!("cp1/haproxy/file[/etc/haproxy/haproxy.cfg]={hostile}")]);
    it.expect(0, &["sim", "down", "cp3"]);
    it.edit("  w2: {address: 10.0.0.22, roles: [worker]}\n", "");
    let report = it.run(&["plan", "--format", "html"]).out;
    fs::write(it.path("report.html"), &report).unwrap();
    let (seen, complaints) = read(&browser, &it, "");
    assert!(complaints.is_empty(), "{complaints:#?}");
    for width in ["400", "1400"] {
        let page = &seen[width];
        assert_eq!(page["overflow"], 0, "{width} pixels");
        assert_eq!((&page["search"], &page["images"]), (&true.into(), &0.into()), "{width} pixels");
        assert_eq!(page["entries"], hosts(page).len());
        assert!(page["picture"].as_u64().unwrap() > 3);
        let text = page["text"].as_str().unwrap();
        for part in
            ["Destructive changes", "kubeadm reset on w2", "Problems", "no route to host", "<img src=http://evil"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let all = hosts(&seen["1400"]).len();
    let of_cp1 = hosts(&seen["cp1"]);
    assert!(of_cp1.iter().all(|hosts| hosts.split(' ').any(|host| host == "cp1")), "{of_cp1:?}");
    assert!(!of_cp1.is_empty() && of_cp1.len() < all);
    assert_eq!(seen["cp1"]["status"], format!("{} of {all} shown", of_cp1.len()));
    assert!(hosts(&seen["destroy"]).contains(&"w2") && hosts(&seen["destroy"]).len() < all);
    assert_eq!(hosts(&seen["haproxy.cfg"]), ["cp1", "cp1"]);
    assert!(hosts(&seen["nothing-like-it"]).is_empty());
    assert_eq!(seen["focused"], true);
    assert!(hosts(&seen["typed"]).iter().all(|hosts| hosts.contains("cp2")) && !hosts(&seen["typed"]).is_empty());
    assert_eq!(hosts(&seen["cleared"]).len(), all);

    // Without scripts it is a plain page.
    let (seen, _) = read(&browser, &it, "#plain");
    assert_eq!((hosts(&seen["plain"]).len(), &seen["plain"]["search"]), (all, &false.into()));
}
