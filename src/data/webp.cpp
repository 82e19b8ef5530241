// WebP by libwebp, where it is there.
#include "codecs.hpp"

#ifdef AUTOSAMPLING_WEBP
#include <webp/decode.h>
#endif

#include <cstring>
#include <stdexcept>

namespace autosampling::detail {

namespace {

using File = std::span<const std::uint8_t>;

bool is_webp(File file) {
    return file.size() > 12 && std::memcmp(file.data(), "RIFF", 4) == 0 && std::memcmp(file.data() + 8, "WEBP", 4) == 0;
}

#ifdef AUTOSAMPLING_WEBP

PictureSize size_of_webp(File file) {
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(file.data(), file.size(), &features) != VP8_STATUS_OK)
        throw std::runtime_error("a WebP file that is damaged or cut short");
    if (features.has_animation != 0) throw std::runtime_error("an animated WebP file");
    return {features.height, features.width};
}

// Transparency is left out, as in Pillow's conversion to RGB.
Picture decode_webp(File file, int) {
    const PictureSize size = size_of_webp(file);
    Picture picture{size.height, size.width, std::vector<std::uint8_t>(std::size_t{3} * size.height * size.width)};
    if (WebPDecodeRGBInto(file.data(), file.size(), picture.pixels.data(), picture.pixels.size(), 3 * size.width) ==
        nullptr)
        throw std::runtime_error("a WebP file that is damaged or cut short");
    return picture;
}

#else

[[noreturn]] void refuse() {
    throw std::runtime_error("WebP, and this program was built without libwebp");
}
PictureSize size_of_webp(File) {
    refuse();
}
Picture decode_webp(File, int) {
    refuse();
}

#endif

} // namespace

const Codec webp_codec{is_webp, size_of_webp, decode_webp};

} // namespace autosampling::detail
