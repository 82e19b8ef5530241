// JPEG by libjpeg-turbo.
#include "codecs.hpp"

#include <turbojpeg.h>

#include <memory>
#include <stdexcept>

namespace autosampling::detail {

namespace {

using File = std::span<const std::uint8_t>;

struct Destroy {
    void operator()(void* decoder) const { tjDestroy(decoder); }
};

// libjpeg-turbo's decoder, one a thread.
tjhandle decoder() {
    thread_local const std::unique_ptr<void, Destroy> made(tjInitDecompress());
    if (!made) throw std::runtime_error("libjpeg-turbo cannot start");
    return made.get();
}

bool is_jpeg(File file) {
    return file.size() >= 2 && file[0] == 0xff && file[1] == 0xd8;
}

struct JpegHeader {
    PictureSize size;
    int colours = 0; // TJCS
};

JpegHeader read_header(File file) {
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

struct Free {
    void operator()(unsigned char* bytes) const { tjFree(bytes); }
};

} // namespace

const Codec jpeg_codec{is_jpeg, [](File file) { return read_header(file).size; }, decode_jpeg};

std::vector<std::uint8_t> encode_jpeg(const Picture& picture) {
    const std::unique_ptr<void, Destroy> encoder(tjInitCompress());
    unsigned char* bytes = nullptr;
    unsigned long length = 0;
    const int failed = tjCompress2(encoder.get(), picture.pixels.data(), picture.width, 0, picture.height, TJPF_RGB,
                                   &bytes, &length, TJSAMP_420, 95, 0);
    const std::unique_ptr<unsigned char, Free> owned(bytes);
    if (failed != 0) throw std::runtime_error(tjGetErrorStr2(encoder.get()));
    return {bytes, bytes + length};
}

} // namespace autosampling::detail
