// The kinds of image files.
#pragma once

#include "picture.hpp"

namespace autosampling::detail {

// One kind. `size` and `decode` throw std::runtime_error with the cause, at decoders' warnings too.
struct Codec {
    bool (*is)(std::span<const std::uint8_t> file); // told by its first bytes
    PictureSize (*size)(std::span<const std::uint8_t> file);
    Picture (*decode)(std::span<const std::uint8_t> file, int eighths);
};

extern const Codec jpeg_codec; // libjpeg-turbo's
extern const Codec png_codec;  // libpng's
extern const Codec webp_codec; // libwebp's; built without it, it refuses
extern const Codec ppm_codec;  // pixels as encode_ppm writes them

} // namespace autosampling::detail
