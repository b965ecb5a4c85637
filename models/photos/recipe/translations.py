"""Writes labels.en.txt, labels.de.txt and labels.zh.txt, and labels.en.txt of `everyday`: label, short form and group.

The words are this project's own translations of labels.json, in its order. Not JSON: bundlers make scripts of that.
"""
import hashlib
import json
from pathlib import Path

PHOTOS = {
    "de": """
Schleie|Goldfisch|Weißer Hai|Tigerhai|Hammerhai|Zitterrochen|Stachelrochen|Hahn|Henne|Strauß|Bergfink|Stieglitz|Hausgimpel|Junko|Indigofink|Wanderdrossel|Bülbül|Häher|Elster|Meise
Wasseramsel|Milan|Weißkopfseeadler|Geier|Bartkauz|Feuersalamander|Teichmolch|junger Molch|Fleckenquerzahnmolch|Axolotl|Ochsenfrosch|Laubfrosch|Schwanzfrosch|Unechte Karettschildkröte|Lederschildkröte|Schlammschildkröte|Sumpfschildkröte|Dosenschildkröte|Bändergecko|Grüner Leguan
Rotkehlanolis|Rennechse|Agame|Kragenechse|Alligatorschleiche|Gila-Krustenechse|Smaragdeidechse|Chamäleon|Komodowaran|Nilkrokodil|Mississippi-Alligator|Triceratops|Wurmnatter|Ringhalsnatter|Hakennasennatter|Grasnatter|Königsnatter|Strumpfbandnatter|Wassernatter|Peitschennatter
Nachtschlange|Abgottschlange|Felsenpython|Kobra|Grüne Mamba|Seeschlange|Hornviper|Diamant-Klapperschlange|Seitenwinder-Klapperschlange|Trilobit|Weberknecht|Skorpion|Gelbe Gartenspinne|Scheunenspinne|Kreuzspinne|Schwarze Witwe|Vogelspinne|Wolfsspinne|Zecke|Hundertfüßer
Birkhuhn|Schneehuhn|Kragenhuhn|Präriehuhn|Pfau|Wachtel|Rebhuhn|Graupapagei|Ara|Kakadu|Lori|Spornkuckuck|Bienenfresser|Nashornvogel|Kolibri|Glanzvogel|Tukan|Erpel|Säger|Gans
Trauerschwan|Elefant mit Stoßzähnen|Ameisenigel|Schnabeltier|Wallaby|Koala|Wombat|Qualle|Seeanemone|Hirnkoralle|Plattwurm|Fadenwurm|Meeresschnecke|Schnecke|Nacktschnecke|Meeresnacktschnecke|Käferschnecke|Nautilus|Kalifornischer Taschenkrebs|Felsenkrabbe
Winkerkrabbe|Königskrabbe|Hummer|Languste|Flusskrebs|Einsiedlerkrebs|Assel|Weißstorch|Schwarzstorch|Löffler|Flamingo|Blaureiher|Silberreiher|Rohrdommel|Kranich|Rallenkranich|Zwergsultanshuhn|Blässhuhn|Trappe|Steinwälzer
Alpenstrandläufer|Rotschenkel|Schlammläufer|Austernfischer|Pelikan|Königspinguin|Albatros|Grauwal|Schwertwal|Dugong|Seelöwe|Chihuahua|Japan-Chin|Malteser|Pekinese|Shih Tzu|King-Charles-Spaniel|Papillon|Toy-Terrier|Rhodesian Ridgeback
Afghanischer Windhund|Basset|Beagle|Bluthund|Bluetick Coonhound|Black and Tan Coonhound|Treeing Walker Coonhound|Englischer Foxhound|Redbone Coonhound|Barsoi|Irischer Wolfshund|Italienisches Windspiel|Whippet|Podenco Ibicenco|Norwegischer Elchhund|Otterhund|Saluki|Schottischer Hirschhund|Weimaraner|Staffordshire-Bullterrier
American Staffordshire Terrier|Bedlington-Terrier|Border-Terrier|Kerry-Blue-Terrier|Irischer Terrier|Norfolk-Terrier|Norwich-Terrier|Yorkshire-Terrier|Drahthaar-Foxterrier|Lakeland-Terrier|Sealyham-Terrier|Airedale-Terrier|Cairn-Terrier|Australian Terrier|Dandie-Dinmont-Terrier|Boston-Terrier|Zwergschnauzer|Riesenschnauzer|Schnauzer|Schottischer Terrier
Tibet-Terrier|Silky Terrier|Wheaten-Terrier|West Highland White Terrier|Lhasa Apso|Flat-Coated Retriever|Curly-Coated Retriever|Golden Retriever|Labrador Retriever|Chesapeake Bay Retriever|Deutsch Kurzhaar|Magyar Vizsla|English Setter|Irish Setter|Gordon Setter|Bretonischer Spaniel|Clumber-Spaniel|English Springer Spaniel|Welsh Springer Spaniel|Cockerspaniel
Sussex-Spaniel|Irischer Wasserspaniel|Kuvasz|Schipperke|Groenendael|Malinois|Briard|Kelpie|Komondor|Bobtail|Sheltie|Langhaarcollie|Border Collie|Bouvier des Flandres|Rottweiler|Deutscher Schäferhund|Dobermann|Zwergpinscher|Großer Schweizer Sennenhund|Berner Sennenhund
Appenzeller Sennenhund|Entlebucher Sennenhund|Boxer|Bullmastiff|Tibetdogge|Französische Bulldogge|Deutsche Dogge|Bernhardiner|Eskimohund|Alaskan Malamute|Siberian Husky|Dalmatiner|Affenpinscher|Basenji|Mops|Leonberger|Neufundländer|Pyrenäenberghund|Samojede|Zwergspitz
Chow-Chow|Wolfsspitz|Brüsseler Griffon|Pembroke-Corgi|Cardigan-Corgi|Toypudel|Zwergpudel|Großpudel|Mexikanischer Nackthund|Grauwolf|Weißer Wolf|Rotwolf|Kojote|Dingo|Rothund|Afrikanischer Wildhund|Hyäne|Rotfuchs|Kitfuchs|Polarfuchs
Graufuchs|getigerte Katze|Tigerkatze|Perserkatze|Siamkatze|Ägyptische Mau|Puma|Luchs|Leopard|Schneeleopard|Jaguar|Löwe|Tiger|Gepard|Braunbär|Schwarzbär|Eisbär|Lippenbär|Mungo|Erdmännchen
Sandlaufkäfer|Marienkäfer|Laufkäfer|Bockkäfer|Blattkäfer|Mistkäfer|Nashornkäfer|Rüsselkäfer|Fliege|Biene|Ameise|Heuschrecke|Grille|Stabschrecke|Schabe|Gottesanbeterin|Zikade|Zwergzikade|Florfliege|Libelle
Kleinlibelle|Admiral|Schornsteinfeger (Falter)|Monarchfalter|Kohlweißling|Zitronenfalter|Bläuling|Seestern|Seeigel|Seegurke|Waldkaninchen|Hase|Angorakaninchen|Hamster|Stachelschwein|Fuchshörnchen|Murmeltier|Biber|Meerschweinchen|Fuchs (Pferd)
Zebra|Schwein|Wildschwein|Warzenschwein|Nilpferd|Ochse|Wasserbüffel|Bison|Widder|Dickhornschaf|Steinbock|Kuhantilope|Impala|Gazelle|Dromedar|Lama|Wiesel|Nerz|Iltis|Schwarzfußiltis
Otter|Stinktier|Dachs|Gürteltier|Dreifinger-Faultier|Orang-Utan|Gorilla|Schimpanse|Gibbon|Siamang|Meerkatze|Husarenaffe|Pavian|Makak|Langur|Stummelaffe|Nasenaffe|Seidenäffchen|Kapuzineraffe|Brüllaffe
Springaffe|Klammeraffe|Totenkopfaffe|Katta|Indri|Asiatischer Elefant|Afrikanischer Elefant|Roter Panda|Großer Panda|Snoek|Aal|Silberlachs|Felsenschönheit|Clownfisch|Stör|Knochenhecht|Rotfeuerfisch|Kugelfisch|Abakus|Abaja
Talar|Akkordeon|Konzertgitarre|Flugzeugträger|Verkehrsflugzeug|Luftschiff|Altar|Krankenwagen|Amphibienfahrzeug|Zeigeruhr|Bienenstöcke|Schürze|Mülltonne|Sturmgewehr|Rucksack|Bäckerei|Schwebebalken|Ballon|Kugelschreiber|Pflaster
Banjo|Geländer|Langhantel|Friseurstuhl|Friseursalon|Scheune|Barometer|Fass|Schubkarre|Baseball|Basketball|Stubenwagen|Fagott|Badekappe|Badetuch|Badewanne|Kombi|Leuchtturm|Becherglas|Bärenfellmütze
Bierflasche|Bierglas|Glockenturm|Lätzchen|Tandem|Bikini|Ringbuch|Fernglas|Vogelhaus|Bootshaus|Bob|Bolotie|Haube|Bücherregal|Buchhandlung|Kronkorken|Bogen|Fliege (Schleife)|Messingtafel|Büstenhalter
Wellenbrecher|Brustpanzer|Besen|Eimer|Schnalle|Schutzweste|Hochgeschwindigkeitszug|Metzgerei|Taxi|Kessel|Kerze|Kanone|Kanu|Dosenöffner|Strickjacke|Autospiegel|Karussell|Werkzeugkasten|Karton|Autorad
Geldautomat|Kassette|Kassettenrekorder|Burg|Katamaran|CD-Spieler|Cello|Mobiltelefon|Kette|Maschendrahtzaun|Kettenhemd|Kettensäge|Truhe|Kommode|Windspiel|Vitrine|Weihnachtsstrumpf|Kirche|Kino|Hackbeil
Felsenwohnung|Umhang|Holzschuh|Cocktailshaker|Kaffeebecher|Kaffeekanne|Spirale|Zahlenschloss|Computertastatur|Süßwarenladen|Containerschiff|Cabrio|Korkenzieher|Kornett|Cowboystiefel|Cowboyhut|Wiege|Kran|Sturzhelm|Kiste
Kinderbett|Schongarer|Krocketkugel|Krücke|Kürass|Damm|Schreibtisch|Tischrechner|Wählscheibentelefon|Windel|Digitaluhr|digitale Armbanduhr|Esstisch|Geschirrtuch|Geschirrspüler|Scheibenbremse|Hafenbecken|Hundeschlitten|Kuppel|Fußmatte
Bohrinsel|Trommel|Trommelstock|Kurzhantel|Schmortopf|Ventilator|E-Gitarre|Elektrolokomotive|Fernsehschrank|Briefumschlag|Espressomaschine|Gesichtspuder|Federboa|Aktenschrank|Feuerlöschboot|Feuerwehrauto|Kaminschirm|Fahnenmast|Querflöte|Klappstuhl
Footballhelm|Gabelstapler|Springbrunnen|Füllfederhalter|Himmelbett|Güterwagen|Waldhorn|Bratpfanne|Pelzmantel|Müllwagen|Gasmaske|Zapfsäule|Kelch|Gokart|Golfball|Golfwagen|Gondel|Gong|Abendkleid|Flügel
Gewächshaus|Kühlergrill|Lebensmittelladen|Guillotine|Haarspange|Haarspray|Halbkettenfahrzeug|Hammer|Wäschekorb|Haartrockner|Handheld-Computer|Taschentuch|Festplatte|Mundharmonika|Harfe|Mähdrescher|Beil|Holster|Heimkino|Bienenwabe
Haken|Reifrock|Reck|Pferdewagen|Sanduhr|MP3-Spieler|Bügeleisen|Kürbislaterne|Jeans|Geländewagen|Trikot|Puzzle|Rikscha|Joystick|Kimono|Knieschoner|Knoten|Laborkittel|Schöpfkelle|Lampenschirm
Laptop|Rasenmäher|Objektivdeckel|Brieföffner|Bibliothek|Rettungsboot|Feuerzeug|Limousine|Ozeandampfer|Lippenstift|Slipper|Lotion|Lautsprecher|Lupe|Sägewerk|Kompass|Postsack|Briefkasten|einteiliger Badeanzug|Badeanzug
Kanaldeckel|Rumbakugel|Marimba|Maske|Streichholz|Maibaum|Labyrinth|Messbecher|Arzneischrank|Steinkreis|Mikrofon|Mikrowelle|Uniform|Milchkanne|Kleinbus|Minirock|Van|Rakete|Fäustling|Rührschüssel
Mobilheim|Ford Modell T|Modem|Kloster|Bildschirm|Moped|Mörser mit Stößel|Doktorhut|Moschee|Moskitonetz|Motorroller|Mountainbike|Zelt|Computermaus|Mausefalle|Möbelwagen|Maulkorb|Nagel|Halskrause|Halskette
Sauger|Notebook|Obelisk|Oboe|Okarina|Kilometerzähler|Ölfilter|Orgel|Oszilloskop|Überrock|Ochsenkarren|Sauerstoffmaske|Päckchen|Paddel|Schaufelrad|Vorhängeschloss|Pinsel|Schlafanzug|Palast|Panflöte
Küchenrolle|Fallschirm|Barren|Parkbank|Parkuhr|Eisenbahnwagen|Terrasse|Münztelefon|Sockel|Federmäppchen|Bleistiftspitzer|Parfüm|Petrischale|Kopierer|Plektrum|Pickelhaube|Lattenzaun|Pick-up|Pier|Sparschwein
Pillendose|Kissen|Tischtennisball|Windrad|Piratenschiff|Krug|Hobel|Planetarium|Plastiktüte|Geschirrablage|Pflug|Saugglocke|Sofortbildkamera|Pfahl|Polizeiwagen|Poncho|Billardtisch|Limonadenflasche|Blumentopf|Töpferscheibe
Bohrmaschine|Gebetsteppich|Drucker|Gefängnis|Geschoss|Projektor|Puck|Boxsack|Handtasche|Schreibfeder|Steppdecke|Rennwagen|Schläger|Heizkörper|Radio|Radioteleskop|Regentonne|Wohnmobil|Rolle|Spiegelreflexkamera
Kühlschrank|Fernbedienung|Restaurant|Revolver|Gewehr|Schaukelstuhl|Drehspieß|Radiergummi|Rugbyball|Lineal|Laufschuh|Tresor|Sicherheitsnadel|Salzstreuer|Sandale|Sarong|Saxofon|Schwertscheide|Waage|Schulbus
Schoner|Anzeigetafel|Leinwand|Schraube|Schraubendreher|Sicherheitsgurt|Nähmaschine|Schild|Schuhgeschäft|Papierschiebetür|Einkaufskorb|Einkaufswagen|Schaufel|Duschhaube|Duschvorhang|Ski|Sturmhaube|Schlafsack|Rechenschieber|Schiebetür
Spielautomat|Schnorchel|Motorschlitten|Schneepflug|Seifenspender|Fußball|Socke|Sonnenkollektor|Sombrero|Suppenschüssel|Leertaste|Heizlüfter|Raumfähre|Spatel|Motorboot|Spinnennetz|Spindel|Sportwagen|Scheinwerfer|Bühne
Dampflokomotive|Stahlbogenbrücke|Steeldrum|Stethoskop|Pelzstola|Steinmauer|Stoppuhr|Herd|Sieb|Straßenbahn|Trage|Schlafsofa|Stupa|U-Boot|Anzug|Sonnenuhr|Sonnenbrillenglas|Sonnenbrille|Sonnencreme|Hängebrücke
Mopp|Sweatshirt|Badehose|Schaukel|Lichtschalter|Spritze|Tischlampe|Panzer|Tonbandgerät|Teekanne|Teddybär|Fernseher|Tennisball|Strohdach|Theatervorhang|Fingerhut|Dreschmaschine|Thron|Ziegeldach|Toaster
Tabakladen|Toilettensitz|Taschenlampe|Totempfahl|Abschleppwagen|Spielzeugladen|Traktor|Sattelzug|Tablett|Trenchcoat|Dreirad|Trimaran|Stativ|Triumphbogen|Oberleitungsbus|Posaune|Kübel|Drehkreuz|Schreibmaschinentastatur|Regenschirm
Einrad|Klavier|Staubsauger|Vase|Gewölbe|Samt|Verkaufsautomat|Messgewand|Viadukt|Geige|Volleyball|Waffeleisen|Wanduhr|Brieftasche|Kleiderschrank|Militärflugzeug|Waschbecken|Waschmaschine|Wasserflasche|Wasserkrug
Wasserturm|Whiskykrug|Pfeife|Perücke|Fliegengitter|Rollo|Krawatte|Weinflasche|Tragfläche|Wok|Kochlöffel|Wolle|Holzzaun|Schiffswrack|Segelboot|Jurte|Website|Comicheft|Kreuzworträtsel|Straßenschild
Ampel|Buchumschlag|Speisekarte|Teller mit Essen|Guacamole|klare Suppe|Feuertopf|Trifle|Eis|Eis am Stiel|Baguette|Bagel|Brezel|Cheeseburger|Hotdog|Kartoffelpüree|Kohl|Brokkoli|Blumenkohl|Zucchini
Spaghettikürbis|Eichelkürbis|Butternusskürbis|Gurke|Artischocke|Paprika|Kardone|Pilz|grüner Apfel|Erdbeere|Orange|Zitrone|Feige|Ananas|Banane|Jackfrucht|Zimtapfel|Granatapfel|Heu|Spaghetti Carbonara
Schokoladensoße|Teig|Hackbraten|Pizza|Fleischpastete|Burrito|Rotwein|Espresso|Tasse|Eierpunsch|Berg|Seifenblase|Klippe|Korallenriff|Geysir|Seeufer|Landzunge|Sandbank|Meeresküste|Tal
Vulkan|Baseballspieler|Bräutigam|Taucher|Rapsfeld|Gänseblümchen|Frauenschuh|Mais|Eichel|Hagebutte|Rosskastanie|Korallenpilz|Champignon|Lorchel|Stinkmorchel|Erdstern|Klapperschwamm|Röhrling|Maiskolben|Toilettenpapier
""",
    "zh": """
丁鱥|金鱼|大白鲨|虎鲨|双髻鲨|电鳐|黄貂鱼|公鸡|母鸡|鸵鸟|燕雀|金翅雀|家朱雀|灯草鹀|靛彩鹀|知更鸟|鹎|松鸦|喜鹊|山雀
河乌|鸢|白头海雕|秃鹫|乌林鸮|火蝾螈|欧洲滑螈|幼蝾螈|斑点钝口螈|美西钝口螈|牛蛙|树蛙|尾蟾|赤蠵龟|棱皮龟|泥龟|水龟|箱龟|带纹守宫|绿鬣蜥
绿安乐蜥|鞭尾蜥|鬣蜥|伞蜥|鳄蜥|吉拉毒蜥|绿蜥蜴|变色龙|科莫多巨蜥|尼罗鳄|美国短吻鳄|三角龙|虫蛇|环颈蛇|猪鼻蛇|平滑绿蛇|王蛇|束带蛇|水蛇|藤蛇
夜蛇|红尾蚺|岩蟒|眼镜蛇|绿曼巴蛇|海蛇|角蝰|菱斑响尾蛇|角响尾蛇|三叶虫|盲蛛|蝎子|黄金花园蜘蛛|谷仓蜘蛛|十字园蛛|黑寡妇蜘蛛|狼蛛（捕鸟蛛）|狼蛛|蜱虫|蜈蚣
黑琴鸡|雷鸟|披肩榛鸡|草原榛鸡|孔雀|鹌鹑|山鹑|非洲灰鹦鹉|金刚鹦鹉|凤头鹦鹉|吸蜜鹦鹉|鸦鹃|蜂虎|犀鸟|蜂鸟|鹟䴕|巨嘴鸟|公鸭|秋沙鸭|鹅
黑天鹅|长牙象|针鼹|鸭嘴兽|沙袋鼠|考拉|袋熊|水母|海葵|脑珊瑚|扁虫|线虫|海螺|蜗牛|蛞蝓|海蛞蝓|石鳖|鹦鹉螺|珍宝蟹|岩蟹
招潮蟹|帝王蟹|龙虾|刺龙虾|小龙虾|寄居蟹|潮虫|白鹳|黑鹳|琵鹭|火烈鸟|小蓝鹭|大白鹭|麻鳽|鹤|秧鹤|紫青水鸡|白骨顶|大鸨|翻石鹬
黑腹滨鹬|红脚鹬|半蹼鹬|蛎鹬|鹈鹕|王企鹅|信天翁|灰鲸|虎鲸|儒艮|海狮|吉娃娃|日本狆|马尔济斯犬|北京犬|西施犬|查理王小猎犬|蝴蝶犬|玩具㹴|罗得西亚脊背犬
阿富汗猎犬|巴吉度猎犬|比格犬|寻血猎犬|蓝斑浣熊猎犬|黑褐浣熊猎犬|树丛猎浣熊犬|英国猎狐犬|红骨浣熊猎犬|苏俄猎狼犬|爱尔兰猎狼犬|意大利灵缇|惠比特犬|伊比赞猎犬|挪威猎麋犬|猎水獭犬|萨路基猎犬|苏格兰猎鹿犬|魏玛犬|斯塔福郡斗牛㹴
美国斯塔福郡㹴|贝灵顿㹴|边境㹴|凯利蓝㹴|爱尔兰㹴|诺福克㹴|诺维奇㹴|约克夏㹴|刚毛猎狐㹴|湖畔㹴|西里汉㹴|万能㹴|凯恩㹴|澳大利亚㹴|丹迪丁蒙㹴|波士顿㹴|迷你雪纳瑞|巨型雪纳瑞|标准雪纳瑞|苏格兰㹴
西藏㹴|丝毛㹴|软毛麦色㹴|西高地白㹴|拉萨犬|平毛寻回犬|卷毛寻回犬|金毛寻回犬|拉布拉多犬|切萨皮克湾寻回犬|德国短毛指示犬|维兹拉犬|英国塞特犬|爱尔兰塞特犬|戈登塞特犬|布列塔尼犬|克伦伯猎犬|英国史宾格犬|威尔士史宾格犬|可卡犬
萨塞克斯猎犬|爱尔兰水猎犬|库瓦兹犬|舒柏奇犬|格罗安达犬|马里努阿犬|伯瑞犬|澳洲卡尔比犬|可蒙犬|古代英国牧羊犬|喜乐蒂牧羊犬|粗毛柯利犬|边境牧羊犬|法兰德斯牧牛犬|罗威纳犬|德国牧羊犬|杜宾犬|迷你杜宾犬|大瑞士山地犬|伯恩山犬
阿彭策尔山地犬|恩特勒布赫山地犬|拳师犬|斗牛獒|藏獒|法国斗牛犬|大丹犬|圣伯纳犬|爱斯基摩犬|阿拉斯加雪橇犬|西伯利亚哈士奇|斑点狗|猴头㹴|巴仙吉犬|巴哥犬|莱昂贝格犬|纽芬兰犬|大白熊犬|萨摩耶犬|博美犬
松狮犬|荷兰毛狮犬|布鲁塞尔格里芬犬|彭布罗克柯基犬|卡迪根柯基犬|玩具贵宾犬|迷你贵宾犬|标准贵宾犬|墨西哥无毛犬|灰狼|白狼|红狼|郊狼|澳洲野犬|豺|非洲野犬|鬣狗|赤狐|敏狐|北极狐
灰狐|虎斑猫|虎纹猫|波斯猫|暹罗猫|埃及猫|美洲狮|猞猁|豹|雪豹|美洲豹|狮子|老虎|猎豹|棕熊|美洲黑熊|北极熊|懒熊|獴|狐獴
虎甲|瓢虫|步甲|天牛|叶甲|蜣螂|犀金龟|象鼻虫|苍蝇|蜜蜂|蚂蚁|蚱蜢|蟋蟀|竹节虫|蟑螂|螳螂|蝉|叶蝉|草蛉|蜻蜓
豆娘|红蛱蝶|眼蝶|帝王蝶|菜粉蝶|黄粉蝶|灰蝶|海星|海胆|海参|棉尾兔|野兔|安哥拉兔|仓鼠|豪猪|狐松鼠|土拨鼠|河狸|豚鼠|栗色马
斑马|猪|野猪|疣猪|河马|牛|水牛|野牛|公羊|大角羊|羱羊|狷羚|黑斑羚|瞪羚|单峰骆驼|羊驼|鼬|水貂|鸡貂|黑足鼬
水獭|臭鼬|獾|犰狳|三趾树懒|红毛猩猩|大猩猩|黑猩猩|长臂猿|合趾猿|长尾猴|赤猴|狒狒|猕猴|叶猴|疣猴|长鼻猴|狨猴|卷尾猴|吼猴
伶猴|蜘蛛猴|松鼠猴|环尾狐猴|大狐猴|亚洲象|非洲象|小熊猫|大熊猫|杖鱼|鳗鱼|银鲑|石美人鱼|小丑鱼|鲟鱼|雀鳝|狮子鱼|河豚|算盘|罩袍
学位袍|手风琴|木吉他|航空母舰|客机|飞艇|祭坛|救护车|水陆两用车|指针钟|蜂箱|围裙|垃圾桶|突击步枪|背包|面包店|平衡木|气球|圆珠笔|创可贴
班卓琴|栏杆扶手|杠铃|理发椅|理发店|谷仓|气压计|木桶|独轮手推车|棒球|篮球|婴儿摇篮|巴松管|泳帽|浴巾|浴缸|旅行车|灯塔|烧杯|熊皮帽
啤酒瓶|啤酒杯|钟楼|围嘴|双人自行车|比基尼|活页夹|双筒望远镜|鸟屋|船库|雪橇车|波洛领带|系带女帽|书柜|书店|瓶盖|弓|蝴蝶结领结|黄铜铭牌|文胸
防波堤|胸甲|扫帚|水桶|带扣|防弹衣|高速列车|肉铺|出租车|大锅|蜡烛|大炮|独木舟|开罐器|开襟毛衣|汽车后视镜|旋转木马|工具箱|纸盒|车轮
自动取款机|磁带|磁带播放机|城堡|双体船|CD 播放器|大提琴|手机|链条|铁丝网围栏|锁子甲|链锯|箱子|五斗柜|风铃|瓷器柜|圣诞袜|教堂|电影院|切肉刀
悬崖民居|斗篷|木屐|调酒器|咖啡杯|咖啡壶|线圈|密码锁|电脑键盘|糖果店|集装箱船|敞篷车|开瓶器|短号|牛仔靴|牛仔帽|摇篮|起重机|头盔|板条箱
婴儿床|慢炖锅|槌球|拐杖|胸铠|水坝|书桌|台式电脑|拨盘电话|尿布|数字时钟|电子表|餐桌|抹布|洗碗机|盘式制动器|码头|狗拉雪橇|圆顶|门垫
钻井平台|鼓|鼓槌|哑铃|炖锅|电风扇|电吉他|电力机车|电视柜|信封|浓缩咖啡机|粉饼|羽毛围巾|文件柜|消防船|消防车|壁炉屏|旗杆|长笛|折叠椅
橄榄球头盔|叉车|喷泉|钢笔|四柱床|货运车厢|圆号|平底锅|皮草大衣|垃圾车|防毒面具|加油机|高脚杯|卡丁车|高尔夫球|高尔夫球车|贡多拉|锣|晚礼服|三角钢琴
温室|汽车格栅|杂货店|断头台|发夹|发胶|半履带车|锤子|洗衣篮|吹风机|掌上电脑|手帕|硬盘|口琴|竖琴|联合收割机|短柄斧|枪套|家庭影院|蜂巢
钩子|裙撑|单杠|马车|沙漏|MP3 播放器|熨斗|南瓜灯|牛仔裤|越野车|运动衫|拼图|人力车|操纵杆|和服|护膝|绳结|实验服|长柄勺|灯罩
笔记本电脑|割草机|镜头盖|拆信刀|图书馆|救生艇|打火机|加长轿车|远洋客轮|口红|便鞋|乳液|音箱|放大镜|锯木厂|指南针|邮袋|信箱|连体泳衣（全包）|连体泳衣
井盖|沙锤|马林巴|面具|火柴|五月柱|迷宫|量杯|药柜|巨石阵|麦克风|微波炉|军装|牛奶罐|小型客车|迷你裙|多功能面包车|导弹|连指手套|搅拌碗
活动房屋|福特 T 型车|调制解调器|修道院|显示器|轻便摩托车|研钵和杵|学士帽|清真寺|蚊帐|踏板摩托车|山地自行车|帐篷|鼠标|捕鼠器|搬家货车|口套|钉子|颈托|项链
奶嘴|笔记本|方尖碑|双簧管|陶笛|里程表|机油滤清器|管风琴|示波器|罩裙|牛车|氧气面罩|小包|船桨|明轮|挂锁|画笔|睡衣|宫殿|排箫
厨房纸|降落伞|双杠|公园长椅|停车计时器|火车车厢|露台|公用电话|基座|铅笔盒|卷笔刀|香水|培养皿|复印机|拨片|尖顶头盔|尖桩篱笆|皮卡|栈桥码头|存钱罐
药瓶|枕头|乒乓球|风车玩具|海盗船|水壶|刨子|天文馆|塑料袋|碗碟架|犁|马桶搋|拍立得相机|杆子|警车|斗篷雨衣|台球桌|汽水瓶|花盆|陶轮
电钻|祈祷毯|打印机|监狱|炮弹|投影仪|冰球|沙袋|手提包|羽毛笔|被子|赛车|球拍|暖气片|收音机|射电望远镜|集雨桶|房车|线轴|单反相机
冰箱|遥控器|餐馆|左轮手枪|步枪|摇椅|旋转烤架|橡皮|橄榄球|尺子|跑鞋|保险箱|安全别针|盐瓶|凉鞋|纱笼|萨克斯管|刀鞘|秤|校车
纵帆船|记分牌|屏幕|螺丝|螺丝刀|安全带|缝纫机|盾牌|鞋店|纸拉门|购物篮|购物车|铲子|浴帽|浴帘|滑雪板|巴拉克拉法帽|睡袋|计算尺|推拉门
老虎机|浮潜呼吸管|雪地摩托|扫雪车|皂液器|足球|袜子|太阳能集热器|墨西哥宽边帽|汤碗|空格键|取暖器|航天飞机|锅铲|快艇|蜘蛛网|纺锤|跑车|聚光灯|舞台
蒸汽机车|钢拱桥|钢鼓|听诊器|皮草披肩|石墙|秒表|炉灶|滤网|有轨电车|担架|沙发床|佛塔|潜水艇|西装|日晷|太阳镜片|太阳镜|防晒霜|悬索桥
拖把|卫衣|泳裤|秋千|电灯开关|注射器|台灯|坦克|磁带录音机|茶壶|泰迪熊|电视机|网球|茅草屋顶|剧院幕布|顶针|脱粒机|王座|瓦屋顶|烤面包机
烟草店|马桶座圈|手电筒|图腾柱|拖车|玩具店|拖拉机|铰接式卡车|托盘|风衣|三轮车|三体帆船|三脚架|凯旋门|无轨电车|长号|木盆|旋转闸门|打字机键盘|雨伞
独轮车|立式钢琴|吸尘器|花瓶|拱顶|天鹅绒|自动售货机|祭衣|高架桥|小提琴|排球|华夫饼机|挂钟|钱包|衣柜|军用飞机|洗手盆|洗衣机|水瓶|水罐
水塔|威士忌壶|哨子|假发|纱窗|百叶窗|领带|葡萄酒瓶|机翼|炒锅|木勺|羊毛|木栅栏|沉船|帆船|蒙古包|网站|漫画书|填字游戏|路牌
红绿灯|书封面|菜单|一盘菜|鳄梨酱|清汤|火锅|屈莱弗甜点|冰淇淋|冰棍|法式面包|贝果|椒盐卷饼|芝士汉堡|热狗|土豆泥|卷心菜|西兰花|花椰菜|西葫芦
金丝瓜|橡子南瓜|胡桃南瓜|黄瓜|洋蓟|甜椒|刺菜蓟|蘑菇|青苹果|草莓|橙子|柠檬|无花果|菠萝|香蕉|菠萝蜜|番荔枝|石榴|干草|培根蛋酱意面
巧克力酱|面团|烘肉卷|披萨|肉馅派|墨西哥卷饼|红葡萄酒|浓缩咖啡|杯子|蛋酒|山|气泡|悬崖|珊瑚礁|间歇泉|湖岸|岬角|沙洲|海岸|山谷
火山|棒球运动员|新郎|潜水员|油菜花田|雏菊|杓兰|玉米|橡子|玫瑰果|马栗|珊瑚菌|伞菌|鹿花菌|鬼笔菌|地星|灰树花|牛肝菌|玉米穗|卫生纸
""",
}

# English, German, Chinese.
GROUPS = """
thing|Ding|东西
dog|Hund|狗
clothing|Kleidung|衣物
vehicle|Fahrzeug|车辆
bird|Vogel|鸟
building|Gebäude|建筑
computer or machine|Computer oder Maschine|电脑或机器
mammal|Säugetier|哺乳动物
food or drink|Essen oder Getränk|食物或饮料
kitchenware|Küchengerät|厨具
furniture|Möbelstück|家具
insect|Insekt|昆虫
musical instrument|Musikinstrument|乐器
invertebrate|wirbelloses Tier|无脊椎动物
ball or sports gear|Ball oder Sportgerät|球类或运动器材
reptile|Reptil|爬行动物
ape or monkey|Affe|猿猴
snake|Schlange|蛇
fish|Fisch|鱼
boat or ship|Boot oder Schiff|船
tool|Werkzeug|工具
landscape|Landschaft|风景
spider|Spinne|蜘蛛
weapon|Waffe|武器
amphibian|Amphibie|两栖动物
big cat|Raubkatze|大型猫科动物
plant|Pflanze|植物
wild dog|Wildhund|野犬
mushroom|Pilz|蘑菇
cat|Katze|猫
fox|Fuchs|狐狸
bear|Bär|熊
person|Mensch|人
street sign|Straßenschild|路牌
"""


def write(folder, translations):
    own = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    rows = [line.split("|") for line in GROUPS.strip().splitlines()]
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    files = {}
    for place, language in enumerate(["en", "de", "zh"]):
        groups = {row[0]: row[place] for row in rows}
        labels = [entry["label"] for entry in own]
        if language != "en":
            if language not in translations:
                continue
            labels = [label for line in translations[language].strip().splitlines() for label in line.split("|")]
        assert len(labels) == len(own), (language, len(labels), len(own))
        lines = []
        for label, entry in zip(labels, own, strict=True):
            short = entry["short"] if language == "en" and entry["short"] != label else ""
            lines.append(f"{label}\t{short}\t{groups[entry['group']]}\n")
        data = "".join(lines).encode()
        name = f"labels.{language}.txt"
        (folder / name).write_bytes(data)
        if language != "en":
            files[language] = {"url": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest = {key: value for key, value in manifest.items() if key != "translations"}
    ordered = {}
    for key, value in manifest.items():
        ordered[key] = {"url": "labels.en.txt"} if key == "labels" else value
        if key == "labels" and files:
            ordered["translations"] = files
    (folder / "model.json").write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


models = Path(__file__).resolve().parents[2]
write(models / "photos", PHOTOS)
write(models / "everyday", {})
