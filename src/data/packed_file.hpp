// The packed file: an HDF5 file whose dataset `bytes` has the image files one after the other, uncompressed and in one
// piece, so that it can be mapped. It ends with a seal that HDF5 does not see.
//
// clang-format off
//   bytes            u8 [byte]       the image files as they were, or resized to JPEG, or as PPM (64 KiB at least, the
//                                    rest zeros)
//   begin            u64 [image]     place of an image in `bytes`
//   length           u64 [image]     its bytes
//   hash             u64 [image]     XXH3 of them
//   label            i32 [image]     class
//   file_name        string [image]  from the tree's root
//   class_name       string [class]
//   training_images  i64 [1]         the first so many are for training, the rest are tested
//   skipped_images   i64 [1]         so many were unreadable and left out
//   short_side       i64 [1]         what larger images were resized to, 0: nothing
//   attributes: filetype, format_version, program_version
// clang-format on
//
// Letters: n images.
#pragma once

#include <cstdint>
#include <filesystem>

namespace autosampling::detail {

// One image, as a row of a packed data set has it in memory.
struct PackedImage {
    std::uint64_t begin = 0; // in the file
    std::uint64_t length = 0;
    std::uint64_t hash = 0;
};

// Where `bytes` lies in the file, and the XXH3 of all that isn't in it.
struct Seal {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t hash = 0;
};

// Adds the seal to a file that is complete but for it. Throws Error(failure).
void seal(const std::filesystem::path& path, std::uint64_t begin, std::uint64_t end);

// Whether there is a file that ends as a packed one does.
bool has_seal(const std::filesystem::path& path);

// Reads the seal and checks it, before HDF5 sees the file: it may crash on damaged ones. Throws Error(data).
Seal check_seal(const std::filesystem::path& path);

} // namespace autosampling::detail
