//! Opens the index of a revision and says what it took: `index_repo REPOSITORY REVISION CACHE [QUERY]`.
#![expect(clippy::print_stdout, reason = "this is what the example is for")]

use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [repository, revision, cache, query @ ..] = arguments.as_slice() else {
        return Err("usage: index_repo REPOSITORY REVISION CACHE [QUERY]".into());
    };
    let source = repo::Source::open(Path::new(repository))?;
    let store = repo::Store::create(&Path::new(cache).join("objects"), &source)?;
    let started = Instant::now();
    let snapshot = store.snapshot(source.resolve(revision)?.tree)?;
    println!("snapshot  {:>6} ms", started.elapsed().as_millis());
    let started = Instant::now();
    let index = indexer::Index::open(Path::new(cache), &snapshot, &|_| {})?;
    println!("open      {:>6} ms  {:?}", started.elapsed().as_millis(), index.stats());
    println!("skipped   {:?}", index.skipped().len());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|it| it.starts_with("VmHWM") || it.starts_with("RssAnon")).for_each(|it| println!("{it}"));
    let started = Instant::now();
    let hits = index.search(&query.join(" "), 10)?;
    println!("search    {:>6} us", started.elapsed().as_micros());
    for hit in hits {
        println!("{:.3} {}:{} {}", hit.score, hit.path, hit.lines, hit.symbol.unwrap_or_default());
    }
    Ok(())
}
