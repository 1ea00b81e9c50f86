//! Prints SSIMULACRA 2 of pairs of binary PPM files, "REF GOT SCORE" a line:
//!
//!     cargo run --release -- REF.ppm GOT.ppm [REF.ppm GOT.ppm …]
//!
//! With BENCH=n in the environment, the first pair is scored n times and the best
//! time is printed to stderr.
use ssimulacra2::{compute_frame_ssimulacra2, ColorPrimaries, Rgb, TransferCharacteristic};
use std::time::Instant;

/// Reads what golden.py writes: "P6\nW H\n255\n" and the pixels.
fn read(path: &str) -> Rgb {
    let bytes = std::fs::read(path).expect(path);
    let end = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(2).expect("a PPM header").0;
    let header = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let sizes: Vec<usize> = header.split_whitespace().skip(1).map(|s| s.parse().expect("a size")).collect();
    let data = bytes[end + 1..].chunks_exact(3).map(|p| [0, 1, 2].map(|c| f32::from(p[c]) / 255.0)).collect();
    Rgb::new(data, sizes[0], sizes[1], TransferCharacteristic::SRGB, ColorPrimaries::BT709).expect("an image")
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    for pair in args.chunks_exact(2) {
        let score = compute_frame_ssimulacra2(read(&pair[0]), read(&pair[1])).expect("a score");
        println!("{} {} {score:.9}", pair[0], pair[1]);
    }
    if let Ok(n) = std::env::var("BENCH") {
        let (a, b) = (read(&args[0]), read(&args[1]));
        let best = (0..n.parse::<u32>().expect("a number"))
            .map(|_| {
                let (a, b, start) = (a.clone(), b.clone(), Instant::now());
                compute_frame_ssimulacra2(a, b).expect("a score");
                start.elapsed()
            })
            .min();
        eprintln!("best {:?}", best.expect("at least one run"));
    }
}
