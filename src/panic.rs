//! What stands in for the standard library, which would be 3 KB of download: an allocator, and what a panic does.

use core::panic::PanicInfo;

use dlmalloc::GlobalDlmalloc;

#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

/// A panic is a bug: in debug builds it says where, on the console. It stops the program, and JavaScript gets a `RuntimeError`.
#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    #[cfg(debug_assertions)]
    {
        use alloc::string::ToString as _;
        web_sys::console::error_1(&_info.to_string().into());
    }
    core::arch::wasm32::unreachable()
}
