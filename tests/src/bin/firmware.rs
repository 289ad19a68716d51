//! Firmware on emulated boards: what `cargo xtask run`, `size` and `bench` start.
use coracle_tests::firmware::*;
fn main() {
    let board: Board = std::env::args().nth(1).unwrap().parse().unwrap();
    let spec = Spec::new("selftest", board);
    let image = Image::build(&spec).unwrap();
    println!("{:#?}", image.inspect().unwrap());
    let q = Qemu::start(&image, &Config::closed(std::time::Duration::from_secs(20))).unwrap();
    let out = q
        .watch(|line| println!("{line}   [{:?}]", line.place))
        .unwrap();
    println!("{out:?}");
}
