//! What is downloaded: the crate `brooklet`, linked for a browser without the standard library, which would be 3 KB more.
//!
//! It is a crate of its own because link-time optimization goes by the crate that is linked. That one has to be a "cdylib"
//! and nothing else (with an "rlib" beside it, cargo leaves link-time optimization out), and has to be built for speed: else the
//! core's loops become no SIMD. What is built to be small stays small, crate by crate.

#![no_std]

pub use brooklet::Learner;

#[cfg(target_arch = "wasm32")]
mod browser {
    use core::panic::PanicInfo;

    use dlmalloc::GlobalDlmalloc;

    /// The one of the standard library.
    #[global_allocator]
    static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

    /// A panic is a bug. It stops the program, and JavaScript gets a `RuntimeError`; it says nothing, so that no text of it has to
    /// be downloaded.
    #[panic_handler]
    fn panic(_: &PanicInfo<'_>) -> ! {
        core::arch::wasm32::unreachable()
    }
}

// Natively this is compiled to be checked, not to be run.
#[cfg(not(target_arch = "wasm32"))]
extern crate std;
