// Pictures: image files' bytes decoded, cut and resized as Pillow does.
//
// Letters: H height, W width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace autosampling::detail {

struct Picture {
    int height = 0;
    int width = 0;
    std::vector<std::uint8_t> pixels; // (H, W, 3) RGB
};

struct PictureSize {
    int height = 0;
    int width = 0;
};

// A part of a picture.
struct Box {
    int top = 0;
    int left = 0;
    int height = 0;
    int width = 0;
};

// JPEG, PNG, WebP and PPM, told apart by content. Greyscale and CMYK become RGB as in Pillow; turns in EXIF are
// ignored. All functions throw std::runtime_error with the cause, at decoders' warnings too.
PictureSize size_of_picture(std::span<const std::uint8_t> file);

// `eighths`: of a JPEG's height and width, so many eighths, rounded up (1, 2, 4 or 8: decoding less is quicker).
Picture decode_picture(std::span<const std::uint8_t> file, int eighths = 8);

// As a JPEG of quality 95, or as a PPM, which has the pixels as they are.
std::vector<std::uint8_t> encode_jpeg(const Picture& picture);
std::vector<std::uint8_t> encode_ppm(const Picture& picture);

// The part inside `box`, resized by Pillow's bilinear filter, across and then down. Local.
Picture resize(const Picture& picture, const Box& box, const PictureSize& size);

// The size of such proportions whose shorter side is this, as torchvision's Resize has it.
PictureSize with_shorter_side(const PictureSize& size, int shorter);

} // namespace autosampling::detail
