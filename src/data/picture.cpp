#include "picture.hpp"

#include "autosampling/base/error.hpp"

#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace autosampling::detail {

namespace {

using File = std::span<const std::uint8_t>;
constexpr int largest_side = 1 << 16;

bool is_png(File file) {
    return file.size() > 8 && png_sig_cmp(file.data(), 0, 8) == 0;
}

struct Destroy {
    void operator()(void* decoder) const { tjDestroy(decoder); }
};

// libjpeg-turbo's decoder, one a thread.
tjhandle decoder() {
    thread_local const std::unique_ptr<void, Destroy> made(tjInitDecompress());
    if (!made) throw std::runtime_error("libjpeg-turbo cannot start");
    return made.get();
}

struct JpegHeader {
    PictureSize size;
    int colours = 0; // TJCS
};

JpegHeader read_header(File file) {
    if (file.size() < 2 || file[0] != 0xff || file[1] != 0xd8) throw std::runtime_error("neither JPEG nor PNG");
    JpegHeader header;
    int subsampling = 0;
    if (tjDecompressHeader3(decoder(), file.data(), file.size(), &header.size.width, &header.size.height, &subsampling,
                            &header.colours) != 0)
        throw std::runtime_error(tjGetErrorStr2(decoder()));
    return header;
}

// Pillow takes CMYK for inverted, as Adobe writes it, and makes RGB by multiplication.
void cmyk_to_rgb(const std::vector<std::uint8_t>& cmyk, std::vector<std::uint8_t>& rgb) {
    const auto times = [](int a, int b) { // a · b / 255, rounded
        const int product = a * b + 128;
        return static_cast<std::uint8_t>((product + (product >> 8)) >> 8);
    };
    for (std::size_t i = 0; i < rgb.size() / 3; ++i) {
        for (std::size_t c = 0; c < 3; ++c) rgb[3 * i + c] = times(cmyk[4 * i + c], cmyk[4 * i + 3]);
    }
}

Picture decode_jpeg(File file, int eighths) {
    const JpegHeader header = read_header(file);
    const tjscalingfactor factor{eighths, 8};
    Picture picture;
    picture.height = TJSCALED(header.size.height, factor);
    picture.width = TJSCALED(header.size.width, factor);
    const std::size_t pixels = static_cast<std::size_t>(picture.height) * picture.width;
    picture.pixels.resize(pixels * 3);
    const bool inks = header.colours == TJCS_CMYK || header.colours == TJCS_YCCK;
    std::vector<std::uint8_t> cmyk(inks ? pixels * 4 : 0);
    if (tjDecompress2(decoder(), file.data(), file.size(), inks ? cmyk.data() : picture.pixels.data(), picture.width, 0,
                      picture.height, inks ? TJPF_CMYK : TJPF_RGB, 0) != 0)
        throw std::runtime_error(tjGetErrorStr2(decoder()));
    if (inks) cmyk_to_rgb(cmyk, picture.pixels);
    return picture;
}

// An open PNG; libpng's simplified reader.
class Png {
  public:
    explicit Png(File file) {
        image_.version = PNG_IMAGE_VERSION;
        if (png_image_begin_read_from_memory(&image_, file.data(), file.size()) == 0) fail();
    }
    ~Png() { png_image_free(&image_); }
    Png(const Png&) = delete;
    Png& operator=(const Png&) = delete;

    PictureSize size() const { return {static_cast<int>(image_.height), static_cast<int>(image_.width)}; }

    // Transparency is left out, as in Pillow's conversion to RGB.
    Picture decode() {
        image_.format = PNG_FORMAT_RGBA;
        std::vector<std::uint8_t> rgba(PNG_IMAGE_SIZE(image_));
        if (png_image_finish_read(&image_, nullptr, rgba.data(), 0, nullptr) == 0 || image_.warning_or_error != 0)
            fail();
        Picture picture{size().height, size().width, std::vector<std::uint8_t>(rgba.size() / 4 * 3)};
        for (std::size_t i = 0; i < rgba.size() / 4; ++i)
            std::copy_n(rgba.begin() + static_cast<std::ptrdiff_t>(4 * i), 3,
                        picture.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i));
        return picture;
    }

  private:
    [[noreturn]] void fail() const { throw std::runtime_error(image_.message); }
    png_image image_{};
};

} // namespace

PictureSize size_of_picture(File file) {
    const PictureSize size = is_png(file) ? Png(file).size() : read_header(file).size;
    if (size.height > largest_side || size.width > largest_side) throw std::runtime_error("too large");
    return size;
}

Picture decode_picture(File file, int eighths) {
    return is_png(file) ? Png(file).decode() : decode_jpeg(file, eighths);
}

} // namespace autosampling::detail
