//! What the standard library would bring, where it is left out: an allocator, the same one, and an end for panics.

use core::panic::PanicInfo;

use dlmalloc::GlobalDlmalloc;

#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

/// A panic is a bug. It stops the program, and JavaScript gets a `RuntimeError`; it says nothing, so that no text of it has to
/// be downloaded.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
