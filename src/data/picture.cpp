#include "picture.hpp"

#include "autosampling/base/error.hpp"
#include "codecs.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <string_view>

namespace autosampling::detail {

namespace {

using File = std::span<const std::uint8_t>;
constexpr int largest_side = 1 << 16;
constexpr std::int64_t most_pixels = std::int64_t{1} << 28;
constexpr int longest_for_its_width = 128; // it is scaled by its shorter side
constexpr std::array codecs{&jpeg_codec, &png_codec, &webp_codec, &ppm_codec};

const Codec& codec_of(File file) {
    const auto found = std::ranges::find_if(codecs, [&](const Codec* codec) { return codec->is(file); });
    if (found == codecs.end()) throw std::runtime_error("neither JPEG nor PNG nor WebP");
    return **found;
}

// "P6 W H 255" in the words that encode_ppm writes, and where the pixels begin.
struct PpmHeader {
    PictureSize size;
    std::size_t pixels = 0;
};

PpmHeader read_ppm_header(File file) {
    const std::string_view all(reinterpret_cast<const char*>(file.data()), file.size());
    PpmHeader header;
    const auto number = [&](std::size_t at, char end, int& value) {
        const auto [last, error] = std::from_chars(all.data() + at, all.data() + all.size(), value);
        if (error != std::errc() || last == all.data() + all.size() || *last != end || value < 1 ||
            value > largest_side)
            throw std::runtime_error("a PPM that isn't autosampling's");
        return static_cast<std::size_t>(last - all.data()) + 1;
    };
    int most = 0;
    header.pixels = number(3, ' ', header.size.width);
    header.pixels = number(header.pixels, '\n', header.size.height);
    header.pixels = number(header.pixels, '\n', most);
    if (most != 255 || file.size() - header.pixels != std::size_t{3} * header.size.width * header.size.height)
        throw std::runtime_error("a PPM that is cut short, or not of 8 bits");
    return header;
}

bool is_ppm(File file) {
    return file.size() > 3 && file[0] == 'P' && file[1] == '6' && file[2] == '\n';
}

Picture decode_ppm(File file, int) {
    const PpmHeader header = read_ppm_header(file);
    const File pixels = file.subspan(header.pixels);
    return {header.size.height, header.size.width, {pixels.begin(), pixels.end()}};
}

} // namespace

const Codec ppm_codec{is_ppm, [](File file) { return read_ppm_header(file).size; }, decode_ppm};

std::vector<std::uint8_t> encode_ppm(const Picture& picture) {
    const std::string header = text("P6\n", picture.width, ' ', picture.height, "\n255\n");
    std::vector<std::uint8_t> file(header.begin(), header.end());
    file.insert(file.end(), picture.pixels.begin(), picture.pixels.end());
    return file;
}

PictureSize size_of_picture(File file) {
    const PictureSize size = codec_of(file).size(file);
    const auto [shorter, longer] = std::minmax({size.height, size.width});
    if (longer > largest_side || std::int64_t{shorter} * longer > most_pixels) throw std::runtime_error("too large");
    if (longer > longest_for_its_width * shorter)
        throw std::runtime_error(text(size.height, " x ", size.width, " pixels: too long for its width"));
    return size;
}

Picture decode_picture(File file, int eighths) {
    size_of_picture(file);
    return codec_of(file).decode(file, eighths);
}

} // namespace autosampling::detail
